"""Every criterion: what it foretells for one more run is what it then measures, and more runs never make it worse."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.designing import CRITERIA
from scalelaw.designing.aims import Aims
from scalelaw.designing.belief import Belief
from scalelaw.designing.candidates import candidates
from scalelaw.designing.comparison import inverse
from scalelaw.designing.criteria import OneMore

ALL = CRITERIA.names()


def some_runs(belief: Belief) -> np.ndarray:
    """Gradients of the candidates, `[b, j, p]`."""
    choices = candidates(1e17, 3e19, (1.0, 2000.0))
    return belief.jacobian(choices.n_params[::13], choices.n_tokens[::13])


@pytest.mark.parametrize("name", ALL)
def test_the_criterion_after_one_more_run_is_its_value_with_that_run(name: str, belief: Belief, aims: Aims) -> None:
    criterion, X = CRITERIA[name], some_runs(belief)
    V = inverse(belief.information)
    after = criterion.after(OneMore(V, X), aims)
    for j in range(X.shape[1]):
        more = inverse(belief.information + X[:, j, :, None] * X[:, j, None, :])
        assert after[j] == pytest.approx(criterion.value(more, aims), abs=1e-8)


@pytest.mark.parametrize("name", ALL)
def test_a_further_run_never_makes_it_worse(name: str, belief: Belief, aims: Aims) -> None:
    criterion, V = CRITERIA[name], inverse(belief.information)
    assert (criterion.after(OneMore(V, some_runs(belief)), aims) <= criterion.value(V, aims) + 1e-12).all()


@pytest.mark.parametrize("name", ALL)
def test_a_covariance_k_times_as_large_is_worse_by_the_logarithm_of_k(name: str, belief: Belief, aims: Aims) -> None:
    V = inverse(belief.information)
    difference = CRITERIA[name].value(3.0 * V, aims) - CRITERIA[name].value(V, aims)
    assert difference == pytest.approx(np.log(3.0))


def test_the_compound_is_the_mean_of_loss_and_n_opt(belief: Belief, aims: Aims) -> None:
    V = inverse(belief.information)
    loss, n_opt, both = (CRITERIA[name].value(V, aims) for name in ("loss", "n_opt", "compound"))
    assert both == pytest.approx((loss + n_opt) / 2)


def test_the_decision_criterion_is_the_expected_excess_loss(belief: Belief, aims: Aims) -> None:
    """Simulated: parameters around each draw, the size they say trained, its excess under that draw's curvature."""
    rng = np.random.default_rng(0)
    scale = 1e-6
    V = scale * inverse(belief.information)
    costs = []
    for b in range(len(belief)):
        off = rng.multivariate_normal(np.zeros(V.shape[1]), V[b], 20_000)
        costs.append((0.5 * aims.bend[b] * (off @ aims.size[b].T) ** 2).sum(axis=1).mean())
    assert CRITERIA["decision"].value(V, aims) == pytest.approx(np.log(np.mean(costs)), abs=0.05)
