"""Huber's loss of the log residual, with delta set from the scatter of the data: the default from 20 runs up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scalelaw.objectives.base import Floats
from scalelaw.objectives.log_huber import LogHuber

EFFICIENT = 1.345
"""delta in standard deviations, 95 % as efficient as least squares on Gaussian noise (Holland & Welsch 1977)."""


@dataclass(frozen=True)
class AdaptiveHuber(LogHuber):
    """Huber's loss with delta = 1.345 s, s = 1.4826 MAD sqrt(n / (n - p)) the residuals' robust standard deviation.

    Ordinary runs then count by their squares and outliers by their distance, whatever the noise; a fixed delta of 1e-3
    is nearly an absolute deviation for runs that scatter by half a per cent.
    """

    delta: float = EFFICIENT
    name = "adaptive_huber"
    formula = "sum of Huber(ln predicted - ln observed), delta = 1.345 robust standard deviations"
    tunes = True

    def tuned(self, residuals: Floats, n_parameters: int) -> AdaptiveHuber:
        """The same objective with delta set from residuals, `[n]`."""
        n = len(residuals)
        s = 1.4826 * np.median(np.abs(residuals)) * np.sqrt(n / max(n - n_parameters, 1))
        return replace(self, delta=max(EFFICIENT * float(s), 1e-9))


KIND = AdaptiveHuber()
