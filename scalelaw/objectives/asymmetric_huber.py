"""Huber's loss of the log residual that counts runs above the law less: under-tuned runs can only be too high."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.objectives.base import Floats, Objective
from scalelaw.objectives.log_huber import LogHuber


@dataclass(frozen=True)
class AsymmetricHuber(Objective):
    """rho(r) = Huber(r) times `tilt` where r < 0, the observed loss lying above the law; r = ln(predicted / observed).

    A run whose learning rate or schedule was not tuned has a higher loss than its size and data allow, never a lower
    one, so the law should lie along the lower edge of the runs. rho and its slope are continuous at 0. With delta large
    this is the asymmetric least squares of Newey & Powell 1987 (Econometrica 55), whose estimate is the expectile of
    level tilt / (1 + tilt): 0.2 for the default. That is a choice, measured by no one: compare a few.
    """

    delta: float = 1e-3
    tilt: float = 0.25
    name = "asymmetric_huber"
    formula = "sum of Huber(ln predicted - ln observed), times tilt where observed > predicted"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.tilt) and self.tilt > 0):
            raise UsageError(f"The tilt must be a positive number, 1 for none; found {self.tilt}.")
        LogHuber(delta=self.delta)

    def _weigh(self, r: Floats, value: Floats) -> Floats:
        return np.where(r < 0, self.tilt, 1.0) * value

    @property
    def _huber(self) -> LogHuber:
        return LogHuber(scale=self.scale, delta=self.delta)

    def rho(self, r: Floats) -> Floats:
        """Huber's, tilted below 0."""
        return self._weigh(r, self._huber.rho(r))

    def psi(self, r: Floats) -> Floats:
        """Huber's, tilted below 0; 0 at 0 from either side."""
        return self._weigh(r, self._huber.psi(r))

    def curvature(self, r: Floats) -> Floats:
        """Huber's, tilted below 0."""
        return self._weigh(r, self._huber.curvature(r))


KIND = AsymmetricHuber()
