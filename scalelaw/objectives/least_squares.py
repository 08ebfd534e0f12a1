"""Least squares of the loss itself."""

from __future__ import annotations

from dataclasses import dataclass

from scalelaw.objectives.log_least_squares import LogLeastSquares


@dataclass(frozen=True)
class LeastSquares(LogLeastSquares):
    """rho(r) = r^2 / 2 with r = predicted - observed, in nats per token."""

    name = "least_squares"
    formula = "half the sum of squares of (predicted - observed)"
    space = "raw"


KIND = LeastSquares()
