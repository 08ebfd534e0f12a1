"""The reference grid is three budgets by five sizes around the optimum, at the cost it is given."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.designing import isoflop_grid


@pytest.mark.parametrize("cost", [1e19, 2.1e20, 1e22])
def test_it_costs_what_it_is_given_and_no_run_more_than_the_largest(cost: float, prior: sl.Fit) -> None:
    grid = isoflop_grid(prior, cost, 3e19)
    assert grid.cost == pytest.approx(cost)
    assert grid.flops.max() <= 3e19 * (1 + 1e-12)
    assert (grid.repeats >= 1 - 1e-12).all()


def test_each_budget_has_five_sizes_from_a_quarter_of_the_best_to_four_times_it(prior: sl.Fit) -> None:
    grid = isoflop_grid(prior, 2.1e20, 3e19)
    budgets = np.unique(np.round(np.log(grid.flops), 9))
    assert np.diff(budgets) == pytest.approx(np.log(10) / 2)
    for budget in budgets:
        sizes = grid.n_params[np.isclose(np.log(grid.flops), budget)]
        best = prior.law.optimum(prior.natural[None], float(np.exp(budget)))[0][0]
        assert sizes / best == pytest.approx([0.25, 0.5, 1, 2, 4])
