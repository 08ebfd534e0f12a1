"""The next run is the best there is, and what is said of it is what it brings."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.designing import next_runs
from scalelaw.designing.aims import aim
from scalelaw.designing.belief import believe
from scalelaw.designing.candidates import candidates
from scalelaw.designing.design import choose_among
from scalelaw.errors import UsageError
from tests.designing.conftest import TARGETS


def test_the_next_run_is_the_best_of_all_candidates(prior: sl.Fit) -> None:
    made = next_runs(prior, 1, largest=3e19, draws=8)
    belief = believe(prior, 8, 0, TARGETS)
    choices = candidates(1e17, 3e19, (1.0, 2000.0))
    choice = choose_among(*aim(belief, TARGETS), choices, "compound")
    value = choice.after(np.empty(0, dtype=np.intp))
    j = int(np.argmin(value))
    run = made.runs[0]
    assert (run.n_params, run.n_tokens) == pytest.approx((choices.n_params[j], choices.n_tokens[j]))
    assert run.gain == pytest.approx(choice.value(np.empty(0, dtype=np.intp)) - value[j])
    assert run.gain == pytest.approx(-np.log(run.loss_variance * run.size_variance) / 2, abs=0.02)
    assert run.per_flop == pytest.approx(run.gain / run.flops)


def test_alternatives_hold_the_best_run_of_every_cost(prior: sl.Fit) -> None:
    made = next_runs(prior, 1, largest=3e19, draws=8)
    costs = [run.flops for run in made.alternatives]
    assert len(costs) == 20
    assert costs == sorted(costs, reverse=True)
    assert max(run.gain for run in made.alternatives) == pytest.approx(made.runs[0].gain)


def test_several_runs_share_a_budget_and_each_brings_something(prior: sl.Fit) -> None:
    made = next_runs(prior, 4, 4e19, largest=3e19, draws=8)
    assert sum(run.flops for run in made.runs) <= 4e19
    assert made.layout.cost == pytest.approx(sum(run.flops for run in made.runs))
    assert all(run.gain > 0 for run in made.runs)


def test_without_limits_no_run_is_dearer_than_those_made(prior: sl.Fit) -> None:
    made = next_runs(prior, 2, draws=4)
    assert max(run.flops for run in made.runs) <= 1e18 * (1 + 1e-9)


def test_no_run_at_all_is_refused(prior: sl.Fit) -> None:
    with pytest.raises(UsageError, match="at least one run"):
        next_runs(prior, 0)
