"""Huber's loss of the log residual, the field's default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.objectives.base import Floats, Objective


@dataclass(frozen=True)
class LogHuber(Objective):
    """rho(r) = r^2/2 for |r| <= delta, delta (|r| - delta/2) beyond; r = ln(predicted / observed).

    Source: Huber 1964; delta = 1e-3 and the sum over runs as in Hoffmann et al. 2022, arXiv 2203.15556, section 3.3.
    """

    delta: float = 1e-3
    name = "log_huber"
    formula = "sum of Huber(ln predicted - ln observed)"

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise UsageError(f"The Huber delta must be positive; found {self.delta}.")

    def rho(self, r: Floats) -> Floats:
        """Quadratic within delta, linear beyond."""
        clipped = np.clip(r, -self.delta, self.delta)
        return self.scale * clipped * (r - 0.5 * clipped)

    def psi(self, r: Floats) -> Floats:
        """The residual clipped to delta."""
        return self.scale * np.clip(r, -self.delta, self.delta)

    def curvature(self, r: Floats) -> Floats:
        """1 within delta, 0 beyond."""
        return np.where(np.abs(r) <= self.delta, self.scale, 0.0)

    @property
    def huber_delta(self) -> float:
        """delta."""
        return self.delta


KIND = LogHuber()
