"""Least absolute deviations, of the log residual or of the loss itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.objectives.base import Floats, Objective, Space
from scalelaw.objectives.huber import Huber
from scalelaw.objectives.log_huber import LogHuber


@dataclass(frozen=True)
class LeastAbsolute(Objective):
    """rho(r) = |r| with r = ln(predicted / observed), or predicted - observed in nats per token where `space` is `raw`.

    |r| has no curvature to descend by, so the estimate is that of Huber's loss as delta shrinks to 1e-8, each stage
    from the optimum of the one before.
    """

    space: Space = "log"
    name = "least_absolute"
    formula = "sum of |ln predicted - ln observed|, or of |predicted - observed| in raw space"

    def __post_init__(self) -> None:
        if self.space not in ("log", "raw"):
            raise UsageError(f"The space of least_absolute is log or raw; found {self.space!r}.")

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
        kind = LogHuber if self.space == "log" else Huber
        return tuple(kind(scale=self.scale / delta, delta=delta) for delta in 10.0 ** -np.arange(2, 9))


KIND = LeastAbsolute()
