"""The coordinate check is flat where theory says so, grows where it does not, and finds what is planted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runners.parametrizations import PARAMETRIZATIONS, Role, Rule, Scale
from runners.parametrizations.completep import CompleteP
from runners.parametrizations.mup import MuP
from runners.probes.coordinate_check import SMALL, CoordinateCheck, coordinate_check, small
from runners.probes.quantities import READOUT, STREAM
from runners.probes.slopes import Verdict
from scalelaw.cli.main import main
from scalelaw.errors import UsageError

LEARNING = ("attention logits", "blocks.attention.out", "blocks.down", STREAM)
WIDTHS, DEPTHS, SEEDS = (64, 128, 256), (2, 4, 8), (0, 1, 2)
MODERATE = 0.1
"""A tolerance for three widths and three seeds; tests/slow holds 64 to 2048 to 0.05."""


def checked(parametrization: str, **options: object) -> CoordinateCheck:
    given = {"values": WIDTHS, "seeds": SEEDS, "tolerance": MODERATE} | options
    return coordinate_check(replace(SMALL, parametrization=parametrization), **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def mup() -> CoordinateCheck:
    return checked("mup")


@pytest.fixture(scope="module")
def standard() -> CoordinateCheck:
    return checked("standard")


def test_the_check_is_flat_under_mup(mup: CoordinateCheck) -> None:
    assert mup.verdict is Verdict.flat, mup.sentence
    assert "every slope is within 0.1 of what theory asks for" in mup.sentence


def test_the_check_grows_under_the_standard_parametrization(standard: CoordinateCheck) -> None:
    assert standard.verdict is Verdict.grows
    assert all((standard.change_slopes[name].value or 0) > 0.4 for name in (*LEARNING, READOUT))
    assert standard.change_slopes["tokens"].verdict is Verdict.flat
    assert "change of blocks.down" in standard.sentence
    assert "too high" in standard.sentence


def test_outputs_start_as_each_parametrization_says(mup: CoordinateCheck, standard: CoordinateCheck) -> None:
    """Like width^-1/2 under muP, of one size under the standard; every feature starts with one size."""
    assert mup.start_slopes[READOUT].value == pytest.approx(-0.5, abs=0.1)
    assert standard.start_slopes[READOUT].value == pytest.approx(0.0, abs=0.1)
    for name in LEARNING:
        assert mup.start_slopes[name] == standard.start_slopes[name]


def test_both_agree_to_the_bit_at_the_base_width(mup: CoordinateCheck, standard: CoordinateCheck) -> None:
    np.testing.assert_array_equal(mup.start[:, 0], standard.start[:, 0])
    np.testing.assert_array_equal(mup.change[:, 0], standard.change[:, 0])
    assert not np.array_equal(mup.change[:, 1], standard.change[:, 1])


def test_in_depth_completep_is_flat_and_mup_grows() -> None:
    completep, mup = (checked(name, axis="depth", values=DEPTHS) for name in ("completep", "mup"))
    assert completep.verdict is Verdict.flat, completep.sentence
    assert mup.verdict is Verdict.grows
    assert (mup.change_slopes[STREAM].value or 0) > 0.7
    assert (mup.start_slopes[STREAM].value or 0) > 0.3
    assert "depths 2 to 8" in mup.sentence


def test_mup_has_rules_for_sgd_that_are_flat_where_the_standard_ones_are_not() -> None:
    """SGD's steps follow the size of gradients, which few seeds and widths leave scattered by about 0.1."""
    specs = [small(parametrization=name, optimizer="sgd") for name in ("mup", "standard")]
    mup, standard = (coordinate_check(spec, values=(64, 256), seeds=range(4), tolerance=0.2) for spec in specs)
    assert mup.verdict is Verdict.flat, mup.sentence
    assert standard.verdict is Verdict.grows
    assert standard.change_slopes[READOUT].verdict is Verdict.grows


def test_the_numbers_repeat() -> None:
    checks = [coordinate_check(SMALL, values=values, seeds=(0, 1), steps=2) for values in ((64, 96), (96, 64, 64))]
    np.testing.assert_array_equal(checks[0].change, checks[1].change)
    assert checks[0].values == checks[1].values == (64, 96)


def scaled(role: Role, **powers: float) -> Callable[[Rule, Scale], Rule]:
    """A fault: entries of one role's rule off by powers of m."""

    def fault(rule: Rule, scale: Scale) -> Rule:
        off = {name: getattr(rule, name) * scale.m**power for name, power in powers.items()}
        return replace(rule, **off) if rule.role is role else rule

    return fault


FAULTS = {
    "hidden rate not divided": (scaled(Role.hidden, lr=1.0), "change", "blocks.down", Verdict.grows),
    "hidden rate divided twice": (scaled(Role.hidden, lr=-1.0), "change", STREAM, Verdict.vanishes),
    "hidden rate divided by the root": (scaled(Role.hidden, lr=0.5), "change", "blocks.down", Verdict.grows),
    "embedding rate divided": (scaled(Role.embedding, lr=-1.0), "change", "tokens", Verdict.vanishes),
    "gain rate multiplied": (scaled(Role.norm, lr=1.0), "change", "final_norm.weight", Verdict.grows),
    "read-out rate divided": (scaled(Role.readout, lr=-1.0), "change", READOUT, Verdict.vanishes),
    "read-out not divided": (scaled(Role.readout, output=1.0), "start", READOUT, Verdict.grows),
    "read-out drawn as standard": (scaled(Role.readout, std=-0.5), "start", READOUT, Verdict.vanishes),
    "hidden deviation constant": (scaled(Role.hidden, std=0.5), "start", "blocks.down", Verdict.grows),
    "hidden deviation 1/fan_in": (scaled(Role.hidden, std=-0.5), "start", "blocks.up", Verdict.vanishes),
    "embedding deviation 1/sqrt(width)": (scaled(Role.embedding, std=-0.5), "start", "tokens", Verdict.vanishes),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_where_it_was_planted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault, phase, quantity, verdict = FAULTS[name]

    class Faulty(MuP):
        def rule(self, role: Role, fan_in: int, scale: Scale) -> Rule:
            return fault(super().rule(role, fan_in, scale), scale)

    monkeypatch.setitem(PARAMETRIZATIONS._kinds, "faulty", Faulty())
    check = checked("faulty", values=(64, 256), steps=2)
    assert check.verdict is not Verdict.flat
    slopes = check.start_slopes if phase == "start" else check.change_slopes
    assert slopes[quantity].verdict is verdict, check.sentence


def test_completep_without_its_branch_multiplier_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty(CompleteP):
        def branch(self, scale: Scale) -> float:
            return 1.0

    monkeypatch.setitem(PARAMETRIZATIONS._kinds, "faulty", Faulty())
    check = checked("faulty", axis="depth", values=DEPTHS)
    assert check.start_slopes[STREAM].verdict is check.change_slopes[STREAM].verdict is Verdict.grows


@pytest.mark.parametrize("options", [{"values": (64, 64)}, {"seeds": (0,)}, {"steps": 1}])
def test_a_check_without_a_slope_or_an_error_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="at least two sizes, two seeds and two steps"):
        coordinate_check(SMALL, **options)  # type: ignore[arg-type]


FAST = ("--widths", "64,256", "--seeds", "3", "--tolerance", "0.15", "--steps", "2")


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `scalelaw check mup` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["scalelaw", "check", "mup", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_prints_the_slopes_and_passes_mup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, *FAST) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*LEARNING, READOUT))
    assert "every slope is within 0.15 of what theory asks for" in out


def test_the_command_fails_the_standard_parametrization_and_still_gives_its_data_and_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figure = tmp_path / "coordinates.svg"
    more = ("--parametrization", "standard", "--format", "json", "--figure", str(figure))
    assert command(monkeypatch, *FAST, *more) == 1
    written = capsys.readouterr()
    data = json.loads(written.out)
    assert data["verdict"] == "grows"
    assert data["values"] == [64, 256]
    assert [row["quantity"] for row in data["slopes"]][-1] == READOUT
    assert "scalelaw: The standard parametrization grows with width. Next: " in written.err
    drawn = figure.read_text()
    assert all(word in drawn for word in ("<svg", "standard: at the start", "change after 2 steps", "blocks.down"))


def test_the_command_checks_depths(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "--depths", "2,8", "--seeds", "2", "--parametrization", "standard") == 1
    assert "depths 2 to 8, grows" in capsys.readouterr().out


def test_the_command_says_when_seeds_scatter_too_much(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--widths", "64,128", "--seeds", "2", "--tolerance", "0.001") == 1
    assert "undecided" in (text := capsys.readouterr()).out or "with width" in text.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--widths", "64,wide"), "'64,wide'"),
        (("--widths", "64,100"), "width 100 must be a multiple of head_dim 16"),
        (("--widths", "64,128", "--depths", "2,4"), "--widths or --depths"),
        (("--parametrization", "sp"), "'sp'. Known: completep"),
        (("--model", "cnn"), "Unknown model family 'cnn'"),
        (("--parametrization", "completep", "--optimizer", "sgd"), "has rules for adamw"),
    ],
)
def test_the_command_names_what_it_cannot_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert command(monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err


def test_the_command_without_torch_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "runners.probes.coordinate_check", None)
    assert command(monkeypatch) == 1
    assert "pip install 'scalelaw[train]'" in capsys.readouterr().err
