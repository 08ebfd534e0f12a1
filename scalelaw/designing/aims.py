"""What a design should learn: the loss and N_opt at target budgets, as gradients over the draws of a belief.

Shapes: b draws, t targets, p working parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalelaw.designing.belief import Belief, has_optimum
from scalelaw.errors import DataError, UsageError
from scalelaw.intervals import OptimalLoss, OptimalParams, Target
from scalelaw.intervals._linear import gradient
from scalelaw.laws.base import Floats

BEND = 0.02
"""The step in ln N at which the curvature of the loss along a budget is taken."""


@dataclass(frozen=True)
class Aims:
    """Gradients in the working parameters at target budgets C.

    To first order a design of covariance s^2 V knows ln L to s^2 g'Vg and ln N_opt to s^2 c'Vc; training with a wrong
    N_opt costs (h/2) (ln N - ln N_opt)^2 of the loss, in expectation (h/2) s^2 c'Vc.

    Attributes:
        budgets: C, FLOP, `[t]`.
        loss: g of ln L at the optimum of C, `[b, t, p]`.
        size: c of ln N_opt, `[b, t, p]`.
        bend: h = d^2 ln L / d(ln N)^2 along 6 N D = C at the optimum, `[b, t]`.
    """

    budgets: tuple[float, ...]
    loss: Floats
    size: Floats
    bend: Floats

    @cached_property
    def of_loss(self) -> Floats:
        """The sum over targets of gg', `[b, p, p]`."""
        return np.asarray(np.einsum("btp,btq->bpq", self.loss, self.loss))

    @cached_property
    def of_size(self) -> Floats:
        """The sum over targets of cc', `[b, p, p]`."""
        return np.asarray(np.einsum("btp,btq->bpq", self.size, self.size))

    @cached_property
    def of_regret(self) -> Floats:
        """The sum over targets of (h/2) cc', `[b, p, p]`."""
        return np.asarray(0.5 * np.einsum("bt,btp,btq->bpq", self.bend, self.size, self.size))


def aim(belief: Belief, budgets: tuple[float, ...]) -> tuple[Belief, Aims]:
    """The gradients at the budgets, and the draws of the belief at which these and the runs' information are finite.

    Raises:
        UsageError: for a law without a trade-off between N and D.
        DataError: where no draw has them.
    """
    fit = belief.fit
    if not has_optimum(fit):
        raise UsageError(
            f"The law {fit.law.label} has no compute-optimal size, so there is no N_opt to design for. "
            "Next: fit a law of N and D, such as chinchilla."
        )

    def gradients(kind: type[Target]) -> Floats:
        found = [gradient(kind(flops), fit, belief.theta, belief.steps) for flops in budgets]  # type: ignore[call-arg]
        return np.stack(found, axis=1)

    with np.errstate(all="ignore"):
        bend = np.stack([_bend(belief, flops) for flops in budgets], axis=1)
        loss, size = gradients(OptimalLoss), gradients(OptimalParams)
    good = np.isfinite(bend).all(axis=1) & np.isfinite(belief.information).all(axis=(1, 2))
    good &= np.isfinite(loss).all(axis=(1, 2)) & np.isfinite(size).all(axis=(1, 2))
    if not good.any():
        raise DataError(
            "E_UNIDENTIFIED",
            f"{fit.law.label} has no finite loss or N_opt at the targets under any of the laws that its runs allow",
            remedy="fit a law with fewer parameters, such as chinchilla, or give nearer --target-flops",
        )
    good = np.asarray(good)
    return belief.only(good), Aims(budgets, loss[good], size[good], bend[good])


def _bend(belief: Belief, flops: float) -> Floats:
    """h at each draw's own optimum, by central differences, `[b]`."""
    law = belief.fit.law
    natural = law.natural(belief.theta, belief.fit.centre)
    best = law.optimum(natural, flops)[0]
    out = np.empty(len(natural))
    for i, n_params in enumerate(best):
        sizes = n_params * np.exp(BEND * np.array([-1.0, 0.0, 1.0]))
        given = {"n_params": sizes, "n_tokens": flops / 6.0 / sizes, "flops": np.full(3, flops)}
        low, middle, high = np.log(law.predict(natural[i : i + 1], np.stack([given[k] for k in law.inputs], axis=1))[0])
        out[i] = (low + high - 2.0 * middle) / BEND**2
    return out
