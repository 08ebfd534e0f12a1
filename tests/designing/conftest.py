"""A prior fit of 15 small runs, and what a design needs to know of it."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.designing.aims import Aims, aim
from scalelaw.designing.belief import Belief, believe
from tests.conftest import chinchilla_loss

LARGEST = 3e19
BUDGET = 2.1e20
TARGETS = (100 * LARGEST, 1000 * LARGEST)


def pilots(noise: float = 0.005, seed: int = 0) -> sl.RunTable:
    """Three budgets to 1e18 FLOP by five sizes around 20 tokens a parameter."""
    flops = np.repeat([1e17, 3.16e17, 1e18], 5)
    n_params = np.sqrt(flops / 6 / 20) * np.tile([0.25, 0.5, 1, 2, 4], 3)
    n_tokens = flops / 6 / n_params
    wobble = noise * np.random.default_rng(seed).standard_normal(15)
    return sl.RunTable.of(
        n_params=n_params, n_tokens=n_tokens, loss=chinchilla_loss(n_params, n_tokens) * np.exp(wobble)
    )


@pytest.fixture(scope="session")
def prior() -> sl.Fit:
    return sl.fit("chinchilla", pilots(), starts=16)


@pytest.fixture(scope="session")
def belief(prior: sl.Fit) -> Belief:
    return believe(prior, 8, 0, TARGETS)


@pytest.fixture(scope="session")
def aims(belief: Belief) -> Aims:
    return aim(belief, TARGETS)[1]
