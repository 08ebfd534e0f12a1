"""Draws follow the covariance of the fit; rows that go together count for less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.designing.belief import IGNORED, believe, independence
from scalelaw.errors import DataError, UsageError
from tests.conftest import simulated
from tests.designing.conftest import TARGETS, pilots


def test_draws_have_the_covariance_of_the_fit() -> None:
    fit = sl.fit("chinchilla", simulated(400, noise=0.003), starts=16)
    known = sl.uncertainty(fit, "wald")
    theta = believe(fit, 2000, 0, TARGETS).theta
    natural = fit.law.natural(theta, fit.centre)
    for name, column in zip(fit.law.names, natural.T, strict=True):
        if name in ("E", "alpha", "beta"):
            assert column.mean() == pytest.approx(fit.value(name), abs=4 * known.standard_error(name) / 2000**0.5)
            assert column.std() == pytest.approx(known.standard_error(name), rel=0.15)


def test_every_draw_lies_within_the_bounds_and_has_an_optimum_inside(prior: sl.Fit) -> None:
    noisy = sl.fit("chinchilla", pilots(noise=0.05, seed=3), starts=16)
    for fit in (prior, noisy):
        belief = believe(fit, 24, 0, TARGETS)
        low, high = fit.law.bounds(fit.problem.z)
        assert ((belief.theta > low) & (belief.theta < high)).all()
        for flops in TARGETS:
            n_params, n_tokens = fit.law.optimum(fit.law.natural(belief.theta, fit.centre), flops)
            assert (n_params > 1).all()
            assert (n_tokens > 1).all()


def test_a_group_whose_rows_agree_wholly_counts_as_one_row(prior: sl.Fit) -> None:
    group = [f"g{i // 3}" for i in range(15)]
    shared = np.repeat(np.random.default_rng(0).standard_normal(5), 3)
    runs = replace(prior.runs, group=tuple(group), loss=np.exp(np.log(prior.runs.loss) - prior.residuals + shared))
    assert independence(replace(prior, runs=runs)) == pytest.approx(np.full(15, 1 / 3))
    assert independence(prior) == pytest.approx(np.ones(15))


def test_standing_alone_the_earlier_runs_tell_next_to_nothing(prior: sl.Fit) -> None:
    with_them, without = (believe(prior, 4, 0, TARGETS, alone=alone) for alone in (False, True))
    assert without.theta == pytest.approx(with_them.theta)
    assert without.information == pytest.approx(IGNORED * with_them.information)


def test_a_law_of_other_inputs_is_refused_with_their_names() -> None:
    rng = np.random.default_rng(0)
    n_params, n_tokens, unique = np.exp(rng.uniform([[16], [20], [18]], [[20], [25], [22]], (3, 40)))
    table = sl.RunTable.of(
        n_params=n_params, n_tokens=n_tokens, loss=1.8 + 400 * n_params**-0.34, extras={"unique_tokens": unique}
    )
    fit = sl.fit("data_constrained", table, starts=2)
    with pytest.raises(UsageError, match="unique_tokens"):
        believe(fit, 4, 0, TARGETS)


def test_runs_that_do_not_determine_the_law_are_refused(prior: sl.Fit) -> None:
    level = replace(prior, runs=replace(prior.runs, n_tokens=np.full(15, 1e9)))
    with pytest.raises(DataError, match="do not determine"):
        believe(level, 4, 0, TARGETS)
