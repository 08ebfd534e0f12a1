"""A layout compared with itself gains nothing; a grid run twice is worth two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.designing import isoflop_grid
from scalelaw.designing.aims import aim
from scalelaw.designing.belief import Belief, believe
from scalelaw.designing.comparison import compare
from tests.designing.conftest import BUDGET, LARGEST, TARGETS


def test_a_grid_beside_itself_has_ratio_one_and_needs_its_own_compute(prior: sl.Fit, belief: Belief) -> None:
    grid = isoflop_grid(prior, BUDGET, LARGEST)
    for gain in compare(*aim(belief, TARGETS), grid, grid).gains:
        assert (gain.ratio, gain.low, gain.high, gain.compute) == pytest.approx((1, 1, 1, 1), abs=1e-5)
        assert gain.now is not None
        assert gain.now > gain.design == pytest.approx(gain.grid)


@pytest.mark.parametrize("alone", [False, True])
def test_a_grid_run_twice_needs_two_grids_to_match(alone: bool, prior: sl.Fit) -> None:
    belief = believe(prior, 8, 0, TARGETS, alone=alone)
    grid = isoflop_grid(prior, BUDGET, LARGEST)
    twice = replace(grid, repeats=2 * grid.repeats)
    found = compare(*aim(belief, TARGETS), twice, grid, alone=alone)
    for gain in found.gains:
        assert gain.compute == pytest.approx(2, rel=1e-4)
        assert gain.ratio == pytest.approx(0.5, abs=1e-4) if alone else 0.5 < gain.ratio < 1
        assert (gain.now is None) == alone


def test_standard_errors_are_those_that_refits_show(prior: sl.Fit, belief: Belief) -> None:
    """The grid's runs simulated and fitted with the pilots, 80 times, under the law that the prior fit found."""
    grid = isoflop_grid(prior, BUDGET, LARGEST)
    n_params = np.concatenate([prior.runs.n_params, grid.n_params])
    n_tokens = np.concatenate([prior.runs.n_tokens, grid.n_tokens])
    loss, rng = prior.predict(n_params=n_params, n_tokens=n_tokens), np.random.default_rng(1)
    target, found = sl.OptimalParams(TARGETS[0]), []
    for _ in range(80):
        noisy = loss * np.exp(belief.scatter * rng.standard_normal(len(loss)))
        runs = sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=noisy)
        fit = sl.fit("chinchilla", runs, "log_least_squares", starts=2)
        found.append(np.log(target.evaluate(fit, fit.natural[None])[0]))
    expected = next(g for g in compare(*aim(belief, TARGETS), grid, grid).gains if g.target == "N_opt")
    assert np.std(found) == pytest.approx(expected.design, rel=0.3)
