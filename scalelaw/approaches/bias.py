"""What approach 2 would find on this very design, were the runs free of noise and the fitted surface true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from scalelaw.approaches.base import Allocation, PowerLaw
from scalelaw.approaches.isoflop import isoflop
from scalelaw.approaches.surface import surface
from scalelaw.fitting import Fit
from scalelaw.results import Unavailable
from scalelaw.runs import RunTable


@dataclass(frozen=True)
class DesignBias:
    """The bias of approach 2 that no number of seeds removes: it comes from the sweep's sizes and the curve's shape.

    Attributes:
        found: what approach 2 makes of noise-free losses of the surface at the design's own N and D.
        n_params: the power law it finds there for N_opt.
        truth: the surface's own N_opt(C), in closed form.
    """

    found: Allocation
    n_params: PowerLaw
    truth: PowerLaw

    @property
    def exponent(self) -> float:
        """The exponent found minus the true one."""
        return self.n_params.exponent - self.truth.exponent

    def factor(self, flops: float) -> float:
        """N_opt found over the true one at a budget in FLOP."""
        return float(self.n_params.at(flops) / self.truth.at(flops))


def design_bias(
    fit: Fit, runs: RunTable, approach: Callable[[RunTable], Allocation] = isoflop
) -> DesignBias | Unavailable:
    """The bias of an approach at the design of `runs` if the fitted surface were the truth.

    Args:
        approach: what is asked, with its settings bound: `lambda runs: isoflop(runs, budget="budget")`.

    Idea: the noise-free experiments of Open-Athena, scaling-law-analysis, 2026.
    """
    losses = fit.law.predict(fit.natural[None], fit.law.read(runs))[0]
    found = approach(replace(runs, loss=losses))
    if isinstance(found.n_params, Unavailable):
        return Unavailable("bias of the design", f"without noise too, {found.n_params.reason}")
    truth = surface(fit, found.n_params.flops).n_params
    if isinstance(truth, Unavailable):
        return truth
    return DesignBias(found, found.n_params, truth)
