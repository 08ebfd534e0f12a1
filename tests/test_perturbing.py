"""Every change of the panel is a refit, and moves what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw.fitting import fit
from scalelaw.laws import get_law
from scalelaw.perturbing import TIMES, sensitivity
from scalelaw.runs import RunTable
from tests.conftest import chinchilla_loss, simulated


def grid(spoilt: int | None = None) -> RunTable:
    """Five sizes by six token counts with half a per cent of noise; one size may be 3 % too high."""
    n_params, n_tokens = (v.ravel() for v in np.meshgrid(np.geomspace(2e7, 5e9, 5), np.geomspace(1e9, 1e11, 6)))
    noise = 0.005 * np.random.default_rng(0).standard_normal(30)
    loss = chinchilla_loss(n_params, n_tokens) * np.exp(noise)
    if spoilt is not None:
        loss = loss * np.where(np.isclose(n_params, np.geomspace(2e7, 5e9, 5)[spoilt]), 1.03, 1.0)
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss)


def test_the_first_row_is_the_fit_itself() -> None:
    result = fit("chinchilla", simulated(60))
    first = sensitivity(result)[0]
    assert first.estimate == pytest.approx(dict(result.estimate))
    largest = float((6 * result.runs.n_params * result.runs.n_tokens).max())
    assert first.n_params == pytest.approx(float(result.law.optimum(result.natural[None], TIMES * largest)[0][0]))


def test_each_change_equals_the_fit_made_that_way() -> None:
    table = simulated(60)
    changes = {change.what: change for change in sensitivity(fit("chinchilla", table))}
    for objective in ("log_huber", "log_least_squares"):
        made = fit("chinchilla", table, objective)
        assert changes[made.objective.label].estimate == pytest.approx(dict(made.estimate), rel=1e-5)
    worst = changes["without the 5 worst rows"]
    left = table.where(~np.isin(table.run_id, worst.runs))
    objective = fit("chinchilla", table).objective
    assert worst.estimate == pytest.approx(dict(fit("chinchilla", left, replace(objective)).estimate), rel=0.2)
    assert len(worst.runs) == 5


def test_the_size_left_out_is_the_one_that_moves_the_estimates_most() -> None:
    result = fit("chinchilla", grid(2), "log_least_squares")
    moves = {}
    for size in np.unique(result.runs.n_params):
        left = fit("chinchilla", result.runs.where(result.runs.n_params != size), "log_least_squares")
        moved = np.abs(np.log(left.natural / result.natural)) / np.array(result.certificate.log_errors)
        moves[size] = (float(moved.max()), left)
    most = max(moves, key=lambda size: moves[size][0])
    change = sensitivity(result)[-1]
    assert change.what == f"without N = {most:.4g}"
    assert len(change.runs) == 6
    assert change.estimate == pytest.approx(dict(moves[most][1].estimate), rel=1e-5)


def test_random_sizes_have_no_one_size_to_leave_out() -> None:
    assert not any(change.what.startswith("without N") for change in sensitivity(fit("chinchilla", simulated(40))))


def test_a_law_without_an_optimum_has_no_optimal_size() -> None:
    result = fit(get_law("power_constant(n_tokens)"), grid())
    assert all(change.n_params is None for change in sensitivity(result))
