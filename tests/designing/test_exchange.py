"""The exchange finds what trying everything finds, keeps to its budget and spreads its points."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest

from scalelaw.designing.aims import Aims
from scalelaw.designing.belief import Belief
from scalelaw.designing.candidates import candidates
from scalelaw.designing.design import choose_among
from scalelaw.designing.exchange import Choice, exchange


def choice_of(belief: Belief, aims: Aims, criterion: str, every: int = 1) -> Choice:
    choices = candidates(1e17, 3e19, (1.0, 2000.0))
    some = type(choices)(choices.n_params[::every], choices.n_tokens[::every])
    return choose_among(belief, aims, some, criterion)


@pytest.mark.parametrize("criterion", ["compound", "loss", "n_opt", "determinant", "decision"])
@pytest.mark.parametrize("budget", [3e19, 1e20])
def test_it_comes_close_to_trying_every_design(criterion: str, budget: float, belief: Belief, aims: Aims) -> None:
    """Four runs of 13 candidates: 1820 designs."""
    choice = choice_of(belief, aims, criterion, every=48)
    every = (np.array(runs) for runs in combinations_with_replacement(range(len(choice.costs)), 4))
    best = min(choice.value(runs) for runs in every if choice.cost(runs) <= budget)
    found = exchange(choice, 4, budget, 0, np.random.default_rng(0))
    assert choice.cost(found) <= budget
    assert best - 1e-9 <= choice.value(found) <= best + 0.05


@pytest.mark.parametrize("distinct", [0, 8, 12])
@pytest.mark.parametrize("budget", [4e18, 2.1e20])
def test_it_keeps_to_the_budget_and_spreads_its_points(
    budget: float, distinct: int, belief: Belief, aims: Aims
) -> None:
    choice = choice_of(belief, aims, "compound")
    chosen = exchange(choice, 15, budget, distinct, np.random.default_rng(0))
    assert len(chosen) == 15
    assert choice.cost(chosen) <= budget * (1 + 1e-9)
    assert choice.distinct(chosen) >= distinct


def test_no_single_exchange_within_the_budget_improves_what_it_settled_on(belief: Belief, aims: Aims) -> None:
    choice = choice_of(belief, aims, "compound", every=3)
    chosen = exchange(choice, 10, 1e20, 0, np.random.default_rng(0))
    for i in range(10):
        others = np.delete(chosen, i)
        allowed = choice.cost(others) + choice.costs <= 1e20
        assert choice.after(others)[allowed].min() >= choice.value(chosen) - 1e-5
