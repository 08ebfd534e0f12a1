"""The coordinate check is flat under muP and grows under the standard parametrization: it tells them apart."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from runners.probes.coordinate_check import (
    QUANTITIES,
    SMALL,
    TOLERANCE,
    CoordinateCheck,
    Verdict,
    coordinate_check,
)
from scalelaw.cli.main import main
from scalelaw.errors import UsageError

LEARNING = ("attention logits", "attention output", "mlp output", "residual stream")
WIDTHS = (64, 128, 256, 512)


@pytest.fixture(scope="module")
def mup() -> CoordinateCheck:
    return coordinate_check(parametrization="mup", widths=WIDTHS)


@pytest.fixture(scope="module")
def standard() -> CoordinateCheck:
    return coordinate_check(parametrization="standard", widths=WIDTHS)


def test_the_check_is_flat_under_mup(mup: CoordinateCheck) -> None:
    assert mup.verdict is Verdict.flat, mup.sentence
    assert all(slope.value is not None and slope.value < 0.1 for slope in mup.change_slopes.values())
    assert all(abs(mup.change_slopes[name].value or 0) < 0.15 for name in LEARNING)


def test_the_check_grows_under_the_standard_parametrization(standard: CoordinateCheck) -> None:
    assert standard.verdict is Verdict.grows
    assert all((standard.change_slopes[name].value or 0) > 0.5 for name in LEARNING)
    assert standard.change_slopes["logits"].verdict is Verdict.grows
    assert standard.change_slopes["embedding"].verdict is Verdict.flat
    assert "mlp output" in standard.sentence
    assert "too high" in standard.sentence


def test_the_gap_between_them_is_many_standard_errors(mup: CoordinateCheck, standard: CoordinateCheck) -> None:
    for name in LEARNING:
        low, high = mup.change_slopes[name], standard.change_slopes[name]
        assert high.value - low.value > 5 * math.hypot(high.standard_error, low.standard_error)  # type: ignore[operator, arg-type]


def test_at_the_start_features_have_one_size_and_only_mup_s_logits_fall(
    mup: CoordinateCheck, standard: CoordinateCheck
) -> None:
    for name in QUANTITIES[:-1]:
        assert abs(mup.initial_slopes[name].value or 0) < 0.1
        assert abs(standard.initial_slopes[name].value or 0) < 0.1
    assert mup.initial_slopes["logits"].value == pytest.approx(-0.5, abs=0.1)
    assert standard.initial_slopes["logits"].value == pytest.approx(0.0, abs=0.1)


def test_both_parametrizations_agree_to_the_bit_at_the_base_width(
    mup: CoordinateCheck, standard: CoordinateCheck
) -> None:
    assert mup.spec.base_width == 64
    np.testing.assert_array_equal(mup.initial[:, 0], standard.initial[:, 0])
    np.testing.assert_array_equal(mup.change[:, 0], standard.change[:, 0])
    assert not np.array_equal(mup.change[:, 1], standard.change[:, 1])


def test_the_smallest_width_is_the_base_and_the_numbers_repeat() -> None:
    spec = replace(SMALL, depth=1)
    checks = [coordinate_check(spec, widths=widths, seeds=(0, 1), steps=1) for widths in ((16, 32), (32, 16, 16))]
    assert [check.spec.base_width for check in checks] == [16, 16]
    np.testing.assert_array_equal(checks[0].change, checks[1].change)


def test_a_read_out_that_starts_at_zero_has_no_slope_at_the_start_and_a_flat_change() -> None:
    """What lets muP's logits fall is their initial read-out; without it their change is as flat as the others."""
    check = coordinate_check(replace(SMALL, zero_readout=True), widths=WIDTHS)
    assert check.initial_slopes["logits"].value is None
    assert check.rows()[-1]["initial_slope"] is None
    assert check.change_slopes["logits"].value == pytest.approx(0.0, abs=0.1)
    assert check.verdict is Verdict.flat, check.sentence


@pytest.mark.parametrize("exponent", [-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0])
def test_slopes_are_the_exponents_of_exact_power_laws(exponent: float) -> None:
    check = powers(exponent)
    for name in QUANTITIES:
        assert check.change_slopes[name].value == pytest.approx(exponent, abs=1e-12)
        assert check.change_slopes[name].standard_error == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("exponent", "verdict", "of_logits"),
    [
        (0.5, "grows", "grows"),
        (0.2, "flat", "flat"),
        (-0.2, "flat", "flat"),
        (-0.5, "vanishes", "flat"),
        (-1.0, "vanishes", "vanishes"),
    ],
)
def test_verdicts_follow_the_theory_with_its_tolerance(exponent: float, verdict: str, of_logits: str) -> None:
    assert 0.2 < TOLERANCE < 0.5
    check = powers(exponent)
    assert check.verdict is Verdict(verdict)
    assert check.change_slopes["mlp output"].verdict is Verdict(verdict)
    assert check.change_slopes["logits"].verdict is Verdict(of_logits)


def test_what_overflows_grows() -> None:
    check = powers(0.0)
    check.change[2, 3, 0] = math.inf
    assert check.change_slopes["attention output"].verdict is Verdict.grows
    assert check.rows()[2]["change_slope"] is None
    json.dumps(check.rows(), allow_nan=False)


def powers(exponent: float) -> CoordinateCheck:
    """A check in which every change is a power of width and every initial size is constant."""
    change_QWR = np.array(WIDTHS, dtype=float)[None, :, None] ** exponent * np.ones((len(QUANTITIES), 1, 3))
    return CoordinateCheck(SMALL, WIDTHS, 3, (0, 1, 2), np.ones_like(change_QWR), change_QWR)


@pytest.mark.parametrize("options", [{"widths": (64, 64)}, {"seeds": (0,)}, {"steps": 0}])
def test_a_check_without_a_slope_or_an_error_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="at least two widths, two seeds and one step"):
        coordinate_check(SMALL, **options)  # type: ignore[arg-type]


FAST = ("--widths", "32,128", "--seeds", "2")


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
    assert all(name in out for name in QUANTITIES)
    assert "every slope is as muP promises" in out


def test_the_command_fails_the_standard_parametrization_and_still_gives_its_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, *FAST, "--parametrization", "standard", "--format", "json") == 1
    written = capsys.readouterr()
    data = json.loads(written.out)
    assert data["verdict"] == "grows"
    assert [row["quantity"] for row in data["slopes"]] == list(QUANTITIES)
    assert written.err.startswith("scalelaw: The standard parametrization grows with width. Next: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--widths", "64,wide"), "'64,wide'"),
        (("--widths", "64,100"), "width 100 must be a multiple of head_dim 16"),
        (("--parametrization", "ntk"), "found 'ntk'"),
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
