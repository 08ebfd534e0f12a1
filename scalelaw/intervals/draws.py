"""`Draws`: what resampling a fit leaves behind, and the percentile intervals it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals.base import LEVEL, RESTS_ON_ONE_GROUP, Ends, Uncertainty, as_target, check_level
from scalelaw.intervals.targets import LossAt, Target
from scalelaw.laws.base import Floats
from scalelaw.results import Interval, Unavailable


@dataclass(frozen=True)
class Draws(Uncertainty):
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
    note: str = ""

    def __len__(self) -> int:
        return len(self.natural)

    @cached_property
    def failed(self) -> int:
        """How many replicates did not converge."""
        return int(np.isnan(self.natural).any(axis=1).sum())

    def values(self, target: str | Target) -> Floats:
        """The target for every replicate, `[replicates]`; NaN where it has none."""
        with np.errstate(all="ignore"):
            return as_target(target, self.fit).evaluate(self.fit, self.natural)

    def standard_error(self, target: str | Target) -> float:
        """The standard deviation of the target over replicates."""
        return float(np.nanstd(self.values(target), ddof=1))

    def _ends(self, target: Target, level: float) -> Ends | str:
        """Where the target lies: the percentile interval over replicates."""
        return self._percentiles(self.values(target), level)

    def prediction_interval(self, *, level: float = LEVEL, **inputs: float | str) -> Interval | Unavailable:
        """Where the loss of a new run will land: the law's uncertainty and one run's scatter about it.

        Each replicate's log-loss is given a residual drawn from the fit's own, widened by sqrt(n / (n - p)) for the
        p parameters the residuals have already been bent to.
        """
        check_level(level)
        target = LossAt(**inputs)
        residuals, n, p = self.fit.residuals, len(self.fit.runs), len(self.fit.law.params)
        rng = np.random.default_rng([self.seed, 1])
        scatter = rng.choice(residuals - residuals.mean(), len(self)) * np.sqrt(n / (n - p))
        values = self.values(target) * np.exp(scatter)
        ends = RESTS_ON_ONE_GROUP if self._linear.saturated else self._percentiles(values, level)
        if isinstance(ends, str):
            return Unavailable(target.label, ends, target.unit)
        note = "; ".join(part for part in (ends.note, self.note) if part)
        estimate = self.estimate(target)
        return Interval(
            target.label, estimate, ends.low, ends.high, level, self.method, target.unit, "prediction", note
        )

    def _percentiles(self, values: Floats, level: float) -> Ends | str:
        """Percentiles, with every replicate that has no value counted against both ends.

        Such a replicate might have stood anywhere, so it takes its place below the low end and above the high one: the
        interval is the widest that any values for them would give.
        """
        known = np.isfinite(values)
        lost = len(values) - int(known.sum())
        tail = (1.0 - level) / 2.0
        if lost > tail * len(values):
            return f"{lost / len(values):.0%} of {len(values)} replicates have no such value"
        low = np.quantile(np.where(known, values, values[known].min()), tail)
        high = np.quantile(np.where(known, values, values[known].max()), 1.0 - tail)
        note = "" if lost == 0 else f"{lost} of {len(values)} replicates have no such value and count against both ends"
        return Ends(float(low), float(high), note)
