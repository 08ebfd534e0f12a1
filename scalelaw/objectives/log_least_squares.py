"""Least squares of the log residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.objectives.base import Floats, Objective


@dataclass(frozen=True)
class LogLeastSquares(Objective):
    """rho(r) = r^2 / 2 with r = ln(predicted / observed)."""

    name = "log_least_squares"
    formula = "half the sum of squares of (ln predicted - ln observed)"

    def rho(self, r: Floats) -> Floats:
        """r^2 / 2."""
        return self.scale * 0.5 * r * r

    def psi(self, r: Floats) -> Floats:
        """r."""
        return self.scale * r

    def curvature(self, r: Floats) -> Floats:
        """1."""
        return np.full_like(r, self.scale)

    @property
    def huber_delta(self) -> float:
        """Infinite: squares all the way."""
        return float("inf")


KIND = LogLeastSquares()
