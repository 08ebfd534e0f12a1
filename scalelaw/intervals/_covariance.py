"""Intervals from a linearised fit: the estimate plus and minus Student's t times a standard error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, difference_steps, gradient, student
from scalelaw.intervals.base import Ends, Uncertainty, as_target
from scalelaw.intervals.targets import Target, backward, forward
from scalelaw.laws.base import Floats

UNSEEN = "the runs do not determine every parameter of the law (singular at the estimate); profile or bootstrap may"

CANCELLED = 1e-6
"""An error below this share of that of even, independent noise is an accident of bounded residuals that cancel."""


@dataclass(frozen=True)
class Covariance(Uncertainty):
    """A standard error and degrees of freedom for every target, by the delta method.

    The interval is made on the target's own scale: the logarithm of losses, sizes and coefficients, so that its ends
    stay positive; exponents and E as they are.

    Attributes:
        error: from the linearisation and a target's gradient `[p]`, its standard error and degrees of freedom; a
            sentence where there is none.
    """

    fit: Fit
    method: str
    error: Callable[[Linear, Floats], tuple[float, float] | str]
    note: str = ""

    def _ends(self, target: Target, level: float) -> Ends | str:
        found = self._error(target)
        if isinstance(found, str):
            return found
        error, freedom = found
        return symmetric(self.fit, target, student(level, freedom) * error)

    def standard_error(self, target: str | Target) -> float:
        """The delta method's standard error, in the target's own unit."""
        target = as_target(target, self.fit)
        found = self._error(target)
        if isinstance(found, str):
            return float("nan")
        return found[0] * (self.estimate(target) if target.positive else 1.0)

    def _error(self, target: Target) -> tuple[float, float] | str:
        linear = self._linear
        if not linear.known:
            return UNSEEN
        steps = difference_steps(linear.inverse, linear.variance)
        c = gradient(target, self.fit, self.fit.theta[None], steps)[0]
        if not np.isfinite(c).all():
            return "it does not exist everywhere near the estimate"
        found = self.error(linear, c)
        even = np.sqrt(linear.variance * (c @ linear.inverse @ c))
        if not isinstance(found, str) and found[0] < CANCELLED * even:
            return "residuals of every group cancel exactly, which tells nothing of its error; the jackknife may"
        return found


def symmetric(fit: Fit, target: Target, half: float) -> Ends:
    """Ends at equal distance from the estimate on the target's own scale."""
    centre = float(forward(target, target.evaluate(fit, fit.natural[None]))[0])
    low, high = backward(target, np.array([centre - half, centre + half]))
    return Ends(float(low), float(high))
