"""The compiled path and the general one are two ways to the same optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw.fitting import fit
from scalelaw.intervals import bootstrap
from scalelaw.laws import get_law
from scalelaw.laws._power_sum import Power, PowerSum
from scalelaw.objectives import get_objective
from scalelaw.runs import RunTable
from scalelaw.solver import Problem, solve
from scalelaw.solver.newton import GAIN
from scalelaw.solver.solving import PATH
from tests.conftest import simulated

pytest.importorskip("numba")

OBJECTIVES = ["log_huber", "adaptive_huber", "log_least_squares", "least_squares"]
LAWS = {
    "chinchilla": get_law("chinchilla"),
    "power_constant": get_law("power_constant(n_tokens)"),
    "three terms": PowerSum(
        "three",
        "L = E + A / N^a + B / D^b + G / C^g",
        "",
        (Power("n_params", "A", "a"), Power("n_tokens", "B", "b"), Power("flops", "G", "g")),
    ),
}


def problem(law: str, objective: str, table: RunTable) -> Problem:
    inputs = LAWS[law].read(table)
    misfit = replace(get_objective(objective), scale=3.0)
    return Problem(LAWS[law], misfit, LAWS[law].coordinates(inputs, LAWS[law].centre(inputs)), np.log(table.loss))


def both(task: Problem, theta: np.ndarray, weights: np.ndarray, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    answers = []
    for path in ("numpy", "compiled"):
        monkeypatch.setenv(PATH, path)
        answers.append(solve(task, theta, weights))
    return answers


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("law", LAWS)
def test_both_paths_reach_the_same_optimum_from_any_start(
    law: str, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = simulated(80)
    flops = table.flops * np.exp(np.random.default_rng(2).normal(size=80))  # or the third term would be no third term
    table = replace(table, flops=flops, loss=table.loss + 300 * flops**-0.15)
    task = problem(law, objective, table)
    theta = LAWS[law].starts(task.z, table.loss, 24, np.random.default_rng(1))
    general, compiled = both(task, theta, table.weight, monkeypatch)
    assert compiled.converged.all()
    assert compiled.objective.min() == pytest.approx(general.objective.min(), rel=1e-12)
    np.testing.assert_allclose(task.objective(compiled.theta, table.weight[None]), compiled.objective, rtol=1e-12)


def test_replicates_agree_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    result = fit("chinchilla", simulated(60))
    draws = []
    for path in ("numpy", "compiled"):
        monkeypatch.setenv(PATH, path)
        draws.append(bootstrap(result, 200).natural)
    # Two members within `GAIN` of one optimum lie within a few millionths of a standard error of each other.
    spread = np.nanstd(draws[0], axis=0)
    np.testing.assert_array_less(np.abs(draws[0] - draws[1]).max(axis=0) / spread, 1e-4)


def test_a_bound_is_reached_and_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that fall faster than any power: E would be negative, and ends at 0 exactly on either path."""
    table = simulated(40)
    table = replace(table, loss=30 * table.n_tokens**-0.08 - 2.0 + 0.01 * np.sin(np.arange(40)))
    task = problem("power_constant", "log_least_squares", table)
    theta = LAWS["power_constant"].starts(task.z, table.loss, 8, np.random.default_rng(0))
    general, compiled = both(task, theta, table.weight, monkeypatch)
    best = compiled.theta[np.argmin(compiled.objective)]
    assert best[0] == 0.0
    assert compiled.objective.min() <= general.objective.min() * (1 + 1e-9)


def test_runs_of_weight_zero_count_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = simulated(60)
    weights = np.ones(60)
    weights[::3] = 0.0
    monkeypatch.setenv(PATH, "compiled")
    kept = table.where(weights > 0)
    task = problem("chinchilla", "log_huber", table)
    start = LAWS["chinchilla"].starts(task.z, table.loss, 4, np.random.default_rng(0))
    solution = solve(task, start, weights)
    # The same coordinates, so that working parameters can be compared.
    fewer = replace(task, z=task.z[weights > 0], log_y=np.log(kept.loss))
    np.testing.assert_allclose(solve(fewer, start, kept.weight).objective, solution.objective, rtol=1e-12)


def test_a_start_where_the_loss_is_infinite_is_reported_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    table = simulated(30)
    task = problem("chinchilla", "log_huber", table)
    start = LAWS["chinchilla"].starts(task.z, table.loss, 2, np.random.default_rng(0))
    start[1, 1] = np.nan
    monkeypatch.setenv(PATH, "compiled")
    solution = solve(task, start, table.weight)
    assert solution.converged.tolist() == [True, False]
    assert solution.gain[0] <= GAIN


def test_the_path_depends_on_the_whole_batch_and_not_on_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    table = simulated(60)
    monkeypatch.delenv(PATH, raising=False)
    task = problem("chinchilla", "log_huber", table)
    start = np.tile(fit("chinchilla", table, "log_huber").theta, (3000, 1))
    weights = np.random.default_rng(0).poisson(1.0, (3000, 60)).astype(float)
    whole = solve(task, start, weights)
    parts = [solve(task, start[i : i + 700], weights[i : i + 700], batch=3000).theta for i in range(0, 3000, 700)]
    np.testing.assert_array_equal(whole.theta, np.concatenate(parts))
