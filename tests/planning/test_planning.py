"""Plans agree with brute force and say how far they reach."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import fit
from scalelaw.intervals import bootstrap
from scalelaw.planning import plan
from scalelaw.results import Interval
from tests.conftest import simulated

FIT = fit("chinchilla", simulated(80))
DRAWS = bootstrap(FIT, 200)


def test_plan_agrees_with_brute_force() -> None:
    result = plan(FIT, 1e22, draws=DRAWS)
    sizes = np.exp(np.linspace(np.log(1e8), np.log(1e12), 40_001))
    losses = FIT.predict(n_params=sizes, n_tokens=1e22 / 6 / sizes)
    best = int(np.argmin(losses))
    assert isinstance(result.n_params, Interval)
    assert isinstance(result.loss, Interval)
    assert result.n_params.estimate == pytest.approx(sizes[best], rel=1e-3)
    assert result.loss.estimate == pytest.approx(losses[best], rel=1e-9)
    for band in result.bands:
        near = sizes[losses <= losses[best] * (1 + band.excess)]
        assert band.n_params_low == pytest.approx(near.min(), rel=1e-3)
        assert band.n_params_high == pytest.approx(near.max(), rel=1e-3)


def test_every_number_has_an_interval_around_it() -> None:
    result = plan(FIT, 1e22, draws=DRAWS)
    for answer in (result.n_params, result.n_tokens, result.tokens_per_param, result.loss, result.new_run):
        assert isinstance(answer, Interval)
        assert answer.low < answer.estimate < answer.high


def test_a_plan_far_beyond_the_runs_warns() -> None:
    largest = float((6 * FIT.runs.n_params * FIT.runs.n_tokens).max())
    near, far = plan(FIT, largest * 10, draws=DRAWS), plan(FIT, largest * 1e5, draws=DRAWS)
    assert near.reach.flops == pytest.approx(1.0)
    assert "W_EXTRAPOLATION" not in [finding.code for finding in near.findings]
    assert "W_EXTRAPOLATION" in [finding.code for finding in far.findings]


@pytest.mark.parametrize("budget", [0.0, -1e20, float("nan"), float("inf")])
def test_an_impossible_budget_is_refused(budget: float) -> None:
    with pytest.raises(DataError, match="positive number of FLOP"):
        plan(FIT, budget, draws=DRAWS)


def test_a_law_of_one_variable_has_no_plan_and_says_which_do() -> None:
    with pytest.raises(UsageError, match="fit --law chinchilla"):
        plan(fit("power_constant", simulated()), 1e21)
