"""Least absolute deviations of the log residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.objectives.base import Floats, Objective
from scalelaw.objectives.log_huber import LogHuber


@dataclass(frozen=True)
class LeastAbsolute(Objective):
    """rho(r) = |r| with r = ln(predicted / observed).

    |r| has no curvature to descend by, so the estimate is that of Huber's loss as delta shrinks to 1e-8, each stage
    from the optimum of the one before.
    """

    name = "least_absolute"
    formula = "sum of |ln predicted - ln observed|"

    def rho(self, r: Floats) -> Floats:
        """|r|."""
        return self.scale * np.abs(r)

    def psi(self, r: Floats) -> Floats:
        """The sign of r."""
        return self.scale * np.sign(r)

    def curvature(self, r: Floats) -> Floats:
        """0."""
        return np.zeros_like(r)

    def stages(self) -> tuple[Objective, ...]:
        """Huber's loss, delta from 1e-2 to 1e-8, each divided by its delta."""
        return tuple(LogHuber(scale=self.scale / delta, delta=delta) for delta in 10.0 ** -np.arange(2, 9))


KIND = LeastAbsolute()
