"""The certified optima, and what must not move an estimate."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fit_file import load_fit
from scalelaw.fitting import Fit, fit
from scalelaw.laws import LAWS, get_law
from scalelaw.objectives import OBJECTIVES
from scalelaw.objectives.log_huber import LogHuber
from scalelaw.readers import exclude_expression, read_runs
from scalelaw.runs import RunTable
from tests.conftest import simulated
from tests.truths import STARTS, TRUTH, exact, law_of


def epoch(data: Path, rows: int) -> RunTable:
    """Besiroglu et al.'s digitised table, without the five largest losses when 240 rows are wanted."""
    table = read_runs(
        data / "epoch-chinchilla" / "svg_extracted_data.csv", n_params="Model Size", flops="Training FLOP", loss="loss"
    )
    return exclude_expression(table, "loss >= largest(5)") if rows == 240 else table


def certified(data: Path) -> dict[str, dict[str, float]]:
    """The optima found by Newton's method at 60 digits."""
    optima: dict[str, dict[str, float]] = {}
    with open(data / "epoch-chinchilla" / "certified_optima.csv", newline="") as file:
        for row in csv.DictReader(file):
            optima.setdefault(row["case"], {})[row["name"]] = float(row["value"])
    return optima


@pytest.mark.parametrize(
    ("case", "rows", "objective"),
    [
        ("epoch240_huber1e-3", 240, "log_huber"),
        ("epoch245_huber1e-3", 245, "log_huber"),
        ("epoch240_lsq", 240, "log_least_squares"),
        ("epoch245_lsq", 245, "log_least_squares"),
    ],
)
def test_fit_reaches_the_certified_optimum(development_data: Path, case: str, rows: int, objective: str) -> None:
    truth = certified(development_data)[case]
    result = fit("chinchilla", epoch(development_data, rows), objective)
    assert result.certificate.converged
    assert result.certificate.share_agreeing == 1.0
    assert result.certificate.objective == pytest.approx(truth["objective"], rel=1e-11)
    for name, value in result.estimate.items():
        assert value == pytest.approx(truth[name], rel=1e-8), name


def same_estimates(one: Fit, other: Fit, rel: float = 1e-8) -> None:
    for name, value in one.estimate.items():
        assert other.estimate[name] == pytest.approx(value, rel=rel), name


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scaling_the_objective_moves_no_estimate(scale: float) -> None:
    """The mean-instead-of-sum trap: a stopping rule with an absolute tolerance would stop at once at 1e-6."""
    table = simulated()
    same_estimates(fit("chinchilla", table, "log_huber"), fit("chinchilla", table, LogHuber(scale=scale)))


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scaling_the_certified_objective_moves_no_estimate(development_data: Path, scale: float) -> None:
    table = epoch(development_data, 240)
    same_estimates(fit("chinchilla", table, "log_huber"), fit("chinchilla", table, LogHuber(scale=scale)))


def test_row_order_moves_no_estimate_and_keeps_the_fingerprint() -> None:
    table = simulated()
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    same_estimates(fit("chinchilla", table), fit("chinchilla", shuffled))
    assert table.fingerprint == shuffled.fingerprint


def test_units_rescale_as_the_formula_says() -> None:
    """N in millions leaves the exponents and E, and divides A by (1e6)^alpha."""
    table = simulated()
    millions = RunTable.of(n_params=table.n_params / 1e6, n_tokens=table.n_tokens, loss=table.loss)
    one, other = fit("chinchilla", table), fit("chinchilla", millions)
    for name in ("E", "alpha", "B", "beta"):
        assert other.value(name) == pytest.approx(one.value(name), rel=1e-8)
    assert other.value("A") * 1e6 ** one.value("alpha") == pytest.approx(one.value("A"), rel=1e-8)


def test_every_law_has_a_truth_to_recover() -> None:
    assert {get_law(label).name for label in TRUTH} == set(LAWS.names())


def recovers(label: str, objective: str, starts: int) -> None:
    """Noise-free runs give back what generated them, to 1e-6."""
    result = fit(law_of(label), exact(label), objective, starts=starts)
    for name, value in TRUTH[label].items():
        assert result.value(name) == pytest.approx(value, rel=1e-6), name


@pytest.mark.parametrize("label", TRUTH)
def test_every_law_recovers_what_generated_the_data(label: str) -> None:
    recovers(label, "auto", STARTS.get(label, 16))


@pytest.mark.parametrize("label", ["chinchilla", "kaplan", "k_power", "power_constant(flops)", "power_law(flops)"])
@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_every_objective_recovers_what_generated_the_data(label: str, objective: str) -> None:
    recovers(label, objective, 8)


@pytest.mark.slow
@pytest.mark.parametrize("label", TRUTH)
@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_every_law_under_every_objective_recovers_what_generated_the_data(label: str, objective: str) -> None:
    """With as many starts as a fit has by default."""
    recovers(label, objective, 64)


def test_an_optimum_that_the_objective_can_no_longer_judge_is_reached() -> None:
    """On the last step, worth 2e-14 of it, the objective of these runs rises by rounding."""
    n_params, n_tokens = np.repeat([5e6, 1e7, 2e7, 4e7, 8e7], 3), 65536.0 * np.tile([2000, 4000, 8000], 5)
    noise = 0.003 * np.random.default_rng(23).standard_normal(15)
    loss = (1.69 + 406.4 / n_params**0.34 + 410.7 / n_tokens**0.28) * np.exp(noise)
    found = fit("chinchilla", RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss)).certificate
    assert found.converged
    assert found.decrement < 1e-14


def test_a_saved_fit_comes_back_the_same(tmp_path: Path) -> None:
    result = fit("chinchilla", simulated(groups=20))
    result.save(tmp_path / "law.json")
    loaded = load_fit(tmp_path / "law.json")
    assert loaded.estimate == result.estimate
    assert loaded.certificate == result.certificate
    assert loaded.runs.fingerprint == result.runs.fingerprint
    assert loaded.findings == result.findings


def test_a_file_that_is_no_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "law.json").write_text('{"format": "other"}')
    with pytest.raises(DataError, match="not a fit that scalelaw saved"):
        load_fit(tmp_path / "law.json")


def test_an_unknown_law_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Unknown law 'chinchila'. Known: .*, chinchilla, .*, kaplan, "):
        get_law("chinchila")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (simulated(2), "2 rows for 5 parameters"),
        (simulated(5), "5 rows for 5 parameters"),
        (RunTable.of(n_params=[1e8] * 9, n_tokens=np.geomspace(1e9, 1e11, 9), loss=np.linspace(3, 2, 9)), "1 distinct"),
        (
            RunTable.of(n_params=[1e8, 1e9] * 6, n_tokens=np.geomspace(1e9, 1e11, 12), loss=np.linspace(3, 2, 12)),
            "2 distinct n_params; 3 needed",
        ),
        (
            RunTable.of(
                n_params=np.geomspace(1e8, 1.3e8, 9), n_tokens=np.geomspace(1e9, 1e11, 9), loss=np.arange(9, 0, -1)
            ),
            "n_params spans 1.3x",
        ),
        (
            RunTable.of(
                n_params=np.geomspace(1e8, 1e10, 9), n_tokens=20 * np.geomspace(1e8, 1e10, 9), loss=np.arange(9, 0, -1)
            ),
            "D/N constant at 20",
        ),
        (
            RunTable.of(n_params=np.geomspace(1e8, 1e10, 9), n_tokens=np.geomspace(1e9, 1e10, 9)[::-1], loss=[2.0] * 9),
            "equal",
        ),
    ],
    ids=["two rows", "five rows", "one size", "two sizes", "narrow", "fixed ratio", "constant loss"],
)
def test_hopeless_designs_are_refused_with_the_next_step(table: RunTable, message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        fit("chinchilla", table)
    assert "Next:" in str(refusal.value)


def test_a_parameter_the_runs_do_not_know_is_not_printed() -> None:
    """Losses far above E over a narrow range: E and the exponents trade off freely."""
    rng = np.random.default_rng(0)
    n_params, n_tokens = np.exp(rng.uniform(np.log(1e7), np.log(4e7), (2, 12)))
    table = RunTable.of(
        n_params=n_params, n_tokens=n_tokens * 10, loss=3 * n_params**-0.02 * np.exp(0.02 * rng.normal(size=12))
    )
    result = fit("chinchilla", table)
    assert not all(result.identified(name) for name in result.law.names)
    assert "not identified by these runs" in result.summary()
