"""Laws of a user's own: in TOML, as a formula on the command line, and as a class of another package."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import scalelaw.registry
from scalelaw.errors import DataError, UsageError
from scalelaw.fit_file import load_fit
from scalelaw.fitting import fit
from scalelaw.laws import Law, get_law, load_law
from scalelaw.laws._power_sum import Power, PowerSum
from scalelaw.registry import Registry
from tests.conftest import simulated

RUNS = simulated(40)
DECLARATION = """
name = "mine"
formula = "E + A / N^alpha + B / D^beta"
source = "a test, with \\"quotes\\" and ümlauts"

[params.E]
unit = "nats/token"
meaning = "irreducible loss"

[params.alpha]
low = 0.05
high = 1.0
start = [0.1, 0.6]

[fix]
E = 1.81

[tie]
beta = "1.05 * alpha"
"""


def declared(folder: Path, text: str = DECLARATION) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_declared_law_is_what_it_says(tmp_path: Path) -> None:
    law = load_law(declared(tmp_path))
    assert law.names == ("A", "alpha", "B")
    assert (law.params[1].low, law.params[1].high, law.params[1].start) == (0.05, 1.0, (0.1, 0.6))
    assert law.base.params[0].meaning == "irreducible loss"
    written = fit("chinchilla[E=1.81, beta=1.05 * alpha]", RUNS, "log_least_squares")
    for name, value in fit(law, RUNS, "log_least_squares").estimate.items():
        assert value == pytest.approx(written.value(name), rel=1e-6), name


def test_a_saved_fit_needs_no_declaration_file(tmp_path: Path) -> None:
    path = declared(tmp_path)
    result = fit(str(path), RUNS)
    result.save(tmp_path / "law.json")
    path.unlink()
    loaded = load_fit(tmp_path / "law.json")
    assert loaded.estimate == result.estimate
    assert loaded.law.label == result.law.label
    assert loaded.law.source == result.law.source == 'a test, with "quotes" and ümlauts'
    assert loaded.law.base.params == result.law.base.params


def test_a_bare_formula_is_its_own_label(tmp_path: Path) -> None:
    assert load_law(declared(tmp_path, 'formula = "E + A / N^alpha"')).label == "E + A / N^alpha"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('formla = "E + A / N^alpha"', "column formla: a law has the keys name, formula"),
        ("formula = 3", "column formula: formula is a text; found '3'"),
        ('name = "mine"', "column formula: a law needs its formula"),
        ('formula = "E + A / N^alpha"\nparams = 3', "column params: params is a table"),
        ('formula = "E + A / N^alpha"\n[params.beta]\nlow = 1', "column params.beta: the formula has the parameters E"),
        ('formula = "E + A / N^alpha"\n[params]\nE = 1', "column params.E: a table with low, high"),
        ('formula = "E + A / N^alpha"\n[params.E]\nmin = 1', "column params.E.min: a parameter has the keys"),
        ('formula = "E + A / N^alpha"\n[params.E]\nlow = "a"', "column params.E.low: low is a number; found 'a'"),
        ('formula = "E + A / N^alpha"\n[params.E]\nlow = true', "column params.E.low: low is a number"),
        ('formula = "E + A / N^alpha"\n[params.E]\nstart = [2, 1]', "column params.E.start: start is two numbers"),
        ('formula = "E + A / N^alpha"\n[params.E]\nlow = 2\nhigh = 1', "column params.E.high: the high end lies above"),
        ('formula = "E + A / N^alpha"\n[params.E]\nunit = 1', "column params.E.unit: unit is a text"),
        ('formula = "E + A / N^alpha"\n[fix]\nE = "1"', "column fix.E: a fixed parameter is a number"),
        ('formula = "E + A / N^alpha"\n[tie]\nE = 1', "column tie.E: a tied parameter is a formula"),
        ('formula = "E + A / N^alpha"\n[fix]\nF = 1', "Unknown parameter 'F'"),
        ('formula = "open(1) / N"', "A formula may not hold"),
        ("formula = ", "not a TOML file"),
    ],
)
def test_a_bad_declaration_is_answered_with_file_key_and_next_step(tmp_path: Path, text: str, message: str) -> None:
    path = declared(tmp_path, text)
    with pytest.raises(DataError) as refusal:
        get_law(str(path))
    assert str(path) in str(refusal.value)
    assert message in str(refusal.value)
    assert "Next:" in str(refusal.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(DataError, match=r"nowhere\.toml: the file cannot be read"):
        get_law("nowhere.toml")


def test_a_label_that_declares_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="declares no law"):
        get_law("{formula}")


class Mine(PowerSum):
    """A law of another package."""

    def __init__(self) -> None:
        super().__init__("mine", "L = E + A / N^alpha", "a test", (Power("n_params", "A", "alpha"),))


def test_a_law_of_another_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("mine", "tests.laws.test_declared:Mine", "scalelaw.laws")
    monkeypatch.setattr(scalelaw.registry, "entry_points", lambda group: [entry] if group == entry.group else [])
    laws: Registry[Law] = Registry("scalelaw.laws", "law")
    assert laws["mine"].names == ("E", "A", "alpha")
    assert "chinchilla" in laws


def test_an_entry_point_may_not_take_the_name_of_another_law(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("chinchilla", "tests.laws.test_declared:Mine", "scalelaw.laws")
    monkeypatch.setattr(scalelaw.registry, "entry_points", lambda group: [entry])
    with pytest.raises(RuntimeError, match=r"'chinchilla' .* has the name of another"):
        Registry("scalelaw.laws", "law").names()


def test_a_law_passed_as_an_object_is_fitted_like_any_other() -> None:
    mine, known = fit(Mine(), RUNS, "log_least_squares"), fit("power_constant(n_params)", RUNS, "log_least_squares")
    np.testing.assert_allclose(mine.natural, known.natural, rtol=1e-8)
