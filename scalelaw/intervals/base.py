"""`Draws`: what resampling a fit leaves behind, and the intervals it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scalelaw.fitting import Fit
from scalelaw.intervals.targets import LossAt, Parameter, Target
from scalelaw.results import Interval, Kind, Unavailable

Floats = NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True)
class Draws:
    """Replicates of a fit: natural parameters `[replicates, p]`, and how they were made.

    Attributes:
        fit: the fit that was resampled.
        natural: natural parameters of each replicate; a replicate that did not converge is NaN.
        method: how they were made, with its settings, for tables and reports.
        seed: the seed of the resampling; the same seed gives the same draws on any number of workers.
    """

    fit: Fit
    natural: Floats
    method: str
    seed: int

    def __len__(self) -> int:
        return len(self.natural)

    @cached_property
    def failed(self) -> int:
        """How many replicates did not converge."""
        return int(np.isnan(self.natural).any(axis=1).sum())

    def values(self, target: str | Target) -> Floats:
        """The target for every replicate, `[replicates]`."""
        return as_target(target, self.fit).evaluate(self.fit, self.natural)

    def standard_error(self, target: str | Target) -> float:
        """The standard deviation of the target over replicates."""
        return float(np.nanstd(self.values(target), ddof=1))

    def interval(self, target: str | Target, level: float = LEVEL) -> Interval | Unavailable:
        """Where the target lies: the percentile interval over replicates."""
        target = as_target(target, self.fit)
        estimate = float(target.evaluate(self.fit, self.fit.natural[None])[0])
        return self._percentiles(target.label, target.unit, estimate, target.evaluate(self.fit, self.natural), level)

    def prediction_interval(self, *, level: float = LEVEL, **inputs: float) -> Interval | Unavailable:
        """Where the loss of a new run will land: the law's uncertainty and one run's scatter about it.

        Each replicate's log-loss is given a residual drawn from the fit's own, widened by sqrt(n / (n - p)) for the
        p parameters the residuals have already been bent to.
        """
        target = LossAt(**inputs)
        estimate = float(target.evaluate(self.fit, self.fit.natural[None])[0])
        losses = target.evaluate(self.fit, self.natural)
        residuals, n, p = self.fit.residuals, len(self.fit.runs), len(self.fit.law.params)
        rng = np.random.default_rng([self.seed, 1])
        scatter = rng.choice(residuals - residuals.mean(), len(losses)) * np.sqrt(n / (n - p))
        return self._percentiles(target.label, target.unit, estimate, losses * np.exp(scatter), level, "prediction")

    def _percentiles(
        self, label: str, unit: str, estimate: float, values: Floats, level: float, kind: Kind = "confidence"
    ) -> Interval | Unavailable:
        usable = values[np.isfinite(values)]
        lost = 1.0 - len(usable) / len(values)
        if lost > (1.0 - level) / 2 or not np.isfinite(estimate):
            return Unavailable(label, f"{lost:.0%} of {len(values)} replicates have no such value", unit)
        tail = 50.0 * (1.0 - level)
        low, high = np.percentile(usable, [tail, 100.0 - tail])
        note = "" if lost == 0 else f"{len(values) - len(usable)} of {len(values)} replicates have no such value"
        return Interval(label, estimate, float(low), float(high), level, self.method, unit, kind, note)


def as_target(target: str | Target, fit: Fit) -> Target:
    """A parameter's name as a `Parameter` with its unit; any other target as it is."""
    if not isinstance(target, str):
        return target
    fit.value(target)
    return Parameter(target, fit.law.params[fit.law.names.index(target)].unit)
