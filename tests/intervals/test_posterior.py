"""The posterior agrees with Wald where it should, repeats itself, and refuses what its likelihood cannot say."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.intervals import uncertainty
from scalelaw.intervals.posterior import Posterior, split_rhat
from scalelaw.results import Interval, Unavailable
from tests.conftest import simulated
from tests.intervals.test_methods import FAR, made, seeds_of

pytest.importorskip("emcee")


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["student", "gaussian"])
def test_the_posterior_agrees_with_wald_where_runs_are_many(likelihood: str) -> None:
    fitted = made(runs=simulated(120))
    wald, posterior = uncertainty(fitted, "wald"), uncertainty(fitted, Posterior(likelihood))  # type: ignore[arg-type]
    assert "R-hat 1.0" in posterior.method
    for target in ("alpha", "E", FAR):
        expected, found = wald.interval(target), posterior.interval(target)
        assert isinstance(expected, Interval)
        assert isinstance(found, Interval)
        width = expected.high - expected.low
        assert found.low == pytest.approx(expected.low, abs=0.2 * width)
        assert found.high == pytest.approx(expected.high, abs=0.2 * width)


@pytest.mark.slow
def test_the_same_seed_walks_the_same_chain() -> None:
    fitted = made(runs=simulated(60))
    assert uncertainty(fitted, "posterior", seed=3).interval("alpha") == uncertainty(
        fitted, "posterior", seed=3
    ).interval("alpha")


def test_rows_that_share_groups_are_refused_with_the_methods_that_take_them() -> None:
    answer = uncertainty(made(runs=seeds_of(12)), "posterior").interval(FAR)
    assert isinstance(answer, Unavailable)
    assert "sandwich and jackknife take groups" in answer.reason


def test_walkers_that_disagree_have_a_large_rhat() -> None:
    rng = np.random.default_rng(0)
    chain = rng.standard_normal((1000, 16, 2))
    assert split_rhat(chain) < 1.01
    assert split_rhat(chain + np.arange(16)[:, None]) > 2
    drift = chain + np.linspace(0, 3, 1000)[:, None, None]
    assert split_rhat(drift) > 1.2
