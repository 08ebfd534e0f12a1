"""Comparing laws: the true one is chosen, a richer one must earn it, and the average leans on those that foresee."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from scalelaw.cli.compare import compare as command
from scalelaw.comparing import Comparison, compare, default_laws
from scalelaw.errors import DataError, UsageError
from scalelaw.intervals import uncertainty
from scalelaw.readers import write_runs
from scalelaw.results import Interval
from scalelaw.runs import RunTable
from tests.conftest import simulated

LAWS = ("kaplan", "chinchilla")


def curve(n: int = 40) -> RunTable:
    """A power of compute over a constant, with noise of half a per cent."""
    flops, rng = np.geomspace(1e18, 1e22, n), np.random.default_rng(1)
    return RunTable.of(flops=flops, loss=(1.7 + 30.0 * flops**-0.08) * np.exp(0.005 * rng.standard_normal(n)))


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return compare(simulated(60), LAWS)


def test_the_law_that_made_the_runs_comes_first(compared: Comparison) -> None:
    assert [candidate.label for candidate in compared.candidates] == ["chinchilla", "kaplan"]
    assert compared.best.label == "chinchilla"
    first, second = compared.candidates
    assert first.backtest.error < 0.01 < second.backtest.error
    assert first.criteria.bic < second.criteria.bic
    assert first.backtest.score < second.backtest.score


def test_weights_are_shares_and_lean_on_the_better_law(compared: Comparison) -> None:
    assert sum(compared.weights.values()) == pytest.approx(1.0)
    assert min(compared.weights.values()) >= 0
    assert compared.weights["chinchilla"] > 0.8


def test_the_average_lies_among_its_members(compared: Comparison) -> None:
    inputs = {"n_params": np.array([1e9, 1e11]), "n_tokens": np.array([1e11, 1e13])}
    each = np.stack([candidate.forecast.predict(**inputs) for candidate in compared.candidates])
    average = compared.predict(**inputs)
    assert ((each.min(axis=0) <= average) & (average <= each.max(axis=0))).all()


def test_a_law_averaged_with_itself_has_its_own_interval() -> None:
    """M2 is the power law with a constant by another name: half and half, and the same prediction interval."""
    comparison = compare(curve(), ("power_constant(flops)", "m2(flops)"))
    assert list(comparison.weights.values()) == pytest.approx([0.5, 0.5], abs=0.01)
    alone = uncertainty(comparison.best.forecast, "wald").prediction_interval(flops=1e24)
    mixed = comparison.prediction_interval(flops=1e24)
    assert isinstance(alone, Interval)
    assert isinstance(mixed, Interval)
    width = alone.high - alone.low
    assert (mixed.low, mixed.high) == pytest.approx((alone.low, alone.high), abs=0.02 * width)
    half = comparison.prediction_interval(level=0.5, flops=1e24)
    assert isinstance(half, Interval)
    assert mixed.low < half.low < half.high < mixed.high


def test_a_richer_law_wins_only_where_it_foresees_better() -> None:
    """A constant is worth its parameter where there is one, and not otherwise."""
    laws = ("power_law(flops)", "power_constant(flops)")
    flops = np.geomspace(1e18, 1e22, 40)
    noise = np.exp(0.005 * np.random.default_rng(1).standard_normal(40))
    assert compare(RunTable.of(flops=flops, loss=30.0 * flops**-0.08 * noise), laws).best.label == laws[0]
    assert compare(curve(), laws).best.label == laws[1]


def test_a_law_the_runs_cannot_determine_is_refused_with_its_reason() -> None:
    runs = RunTable.of(
        n_params=np.geomspace(1e7, 1e9, 20), n_tokens=20 * np.geomspace(1e7, 1e9, 20), loss=curve(n=20).loss
    )
    comparison = compare(runs, ("chinchilla", "power_constant(flops)"))
    assert [candidate.label for candidate in comparison.candidates] == ["power_constant(flops)"]
    assert comparison.refused[0].law == "chinchilla"
    assert "D/N constant" in comparison.refused[0].reason
    with pytest.raises(DataError, match="no law can be compared"):
        compare(runs, ("chinchilla",))


def test_candidates_are_judged_on_the_same_cuts() -> None:
    """With 12 runs the one-break law cannot be fitted where half are held out; neither law is judged there."""
    comparison = compare(curve(n=12), ("power_constant(flops)", "broken_power(flops)"), shares=(0.5, 0.3, 0.1))
    cuts = {tuple(len(cut.held_out) for cut in candidate.backtest.cuts) for candidate in comparison.candidates}
    assert cuts == {(4, 1)}


def test_laws_of_compute_and_of_its_factors_can_be_averaged() -> None:
    comparison = compare(simulated(60), ("chinchilla", "power_constant(flops)"))
    interval = comparison.prediction_interval(n_params=1e10, n_tokens=2e11)
    assert isinstance(interval, Interval)
    assert interval.low < interval.estimate < interval.high


def test_another_ranking_can_be_asked_for() -> None:
    ranked = compare(simulated(60), LAWS, by="bic")
    assert ranked.candidates[0].criteria.bic == min(candidate.criteria.bic for candidate in ranked.candidates)
    with pytest.raises(UsageError, match="backtest, aicc or bic"):
        compare(simulated(60), LAWS, by="luck")  # type: ignore[arg-type]


def test_default_laws_suit_the_columns() -> None:
    assert all(law.inputs == ("n_params", "n_tokens") for law in default_laws(simulated()))
    assert all(law.inputs == ("flops",) for law in default_laws(curve()))
    tokens = RunTable.of(n_tokens=[1e8, 2e8, 4e8], loss=[3.0, 2.9, 2.8])
    assert all(law.inputs == ("n_tokens",) for law in default_laws(tokens))


def test_the_command_writes_the_comparison(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    write_runs(simulated(40), path)
    app = typer.Typer()
    app.command()(command)
    options = [str(path), "--law", "chinchilla", "--law", "kaplan", "--law", "shifted_power"]
    done = CliRunner().invoke(app, [*options, "--format", "json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["best"] == "chinchilla"
    assert {row["law"] for row in answer["laws"]} == {"chinchilla", "kaplan"}
    assert "loss_x" in answer["refused"][0]["reason"]
    assert sum(row["weight"] for row in answer["laws"]) == pytest.approx(1.0)
    table = CliRunner().invoke(app, options[:5])
    assert "best law    chinchilla" in table.stdout
