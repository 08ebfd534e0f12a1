"""Gradients and curvatures of the targets are those of the law."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.designing.aims import Aims, aim
from scalelaw.designing.belief import Belief, believe
from scalelaw.errors import UsageError
from tests.designing.conftest import TARGETS


def test_the_gradient_of_the_best_loss_is_the_laws_own_at_the_optimum(belief: Belief, aims: Aims) -> None:
    """The envelope theorem: moving the optimum changes nothing to first order."""
    law, fit = belief.fit.law, belief.fit
    natural = law.natural(belief.theta, fit.centre)
    for t, flops in enumerate(TARGETS):
        n_params, n_tokens = law.optimum(natural, flops)
        J = belief.jacobian(n_params, n_tokens)[np.arange(len(belief)), np.arange(len(belief))]
        assert aims.loss[:, t] == pytest.approx(J, rel=1e-5, abs=1e-8)


def test_a_wrong_size_costs_half_the_curvature_times_its_square(belief: Belief, aims: Aims) -> None:
    law, fit = belief.fit.law, belief.fit
    natural = law.natural(belief.theta, fit.centre)
    off = 0.1
    for t, flops in enumerate(TARGETS):
        best = law.optimum(natural, flops)[0]
        for b, n_params in enumerate(best):
            sizes = n_params * np.exp([-off, 0.0, off])
            losses = np.log(law.predict(natural[b : b + 1], np.stack([sizes, flops / 6 / sizes], axis=1))[0])
            cost = (losses[0] + losses[2]) / 2 - losses[1]
            assert cost == pytest.approx(aims.bend[b, t] / 2 * off**2, rel=1e-2)


def test_a_law_without_a_best_size_is_refused() -> None:
    rng = np.random.default_rng(0)
    flops = np.geomspace(1e17, 1e19, 12)
    loss = (1.8 + (flops / 1e17) ** -0.3) * np.exp(0.002 * rng.standard_normal(12))
    table = sl.RunTable.of(n_params=np.sqrt(flops / 120), n_tokens=np.sqrt(flops / 120) * 20, loss=loss)
    fit = sl.fit("power_constant(flops)", table, starts=8)
    with pytest.raises(UsageError, match="no N_opt"):
        aim(believe(fit, 4, 0, TARGETS), TARGETS)
