"""What every method of uncertainty gives: an `Uncertainty`, which answers with intervals for any target."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, student
from scalelaw.intervals.targets import LossAt, Parameter, Target
from scalelaw.results import Interval, Unavailable

LEVEL = 0.95
RESTS_ON_ONE_GROUP = (
    "some part of the law rests on one group of rows alone, so nothing tells how groups differ; add configurations"
)


class Uncertainty(ABC):
    """How well a fit knows what follows from it, by one method.

    Two questions, two verbs: `interval` says where the law lies (confidence), `prediction_interval` where the loss of a
    new run will land (the law's uncertainty and one run's scatter about it).

    Attributes:
        fit: the fit in question.
        method: how the intervals are made, with settings, as a sentence for tables and reports.
        note: what is known of the method where that is not good, such as a measured coverage far from the level.
    """

    fit: Fit
    method: str
    note: str = ""

    def interval(self, target: str | Target, level: float = LEVEL) -> Interval | Unavailable:
        """Where the target lies: a parameter by name, or any `Target`."""
        check_level(level)
        target = as_target(target, self.fit)
        estimate = self.estimate(target)
        if not np.isfinite(estimate):
            return Unavailable(target.label, "the fit itself has no such value", target.unit)
        ends = RESTS_ON_ONE_GROUP if self._linear.saturated else self._ends(target, level)
        if isinstance(ends, str):
            return Unavailable(target.label, ends, target.unit)
        note = "; ".join(part for part in (ends.note, self.note) if part)
        low = max(ends.low, target.least(self.fit))
        if not (np.isfinite(low) and np.isfinite(ends.high)):
            return Unavailable(target.label, "the runs set it no finite limits", target.unit)
        return Interval(target.label, estimate, low, ends.high, level, self.method, target.unit, "confidence", note)

    @abstractmethod
    def _ends(self, target: Target, level: float) -> Ends | str:
        """The two ends, or why there are none."""

    @abstractmethod
    def standard_error(self, target: str | Target) -> float:
        """The standard error of the target, in its own unit; NaN where it cannot be had."""

    def estimate(self, target: Target) -> float:
        """The target at the fit's estimate."""
        return float(target.evaluate(self.fit, self.fit.natural[None])[0])

    def prediction_interval(self, *, level: float = LEVEL, **inputs: float | str) -> Interval | Unavailable:
        """Where the loss of a new run will land.

        On the log scale, each side of the estimate is sqrt(c^2 + (t s)^2) away: c how far the interval of the law
        reaches on that side, s^2 the mean square of the log residuals, each group's corrected for its leverage, and t
        Student's quantile for the degrees of freedom of s.
        """
        target = LossAt(**inputs)
        law = self.interval(target, level)
        if isinstance(law, Unavailable):
            return law
        scatter, freedom = self._linear.scatter, self._linear.scatter_freedom
        if not np.isfinite(scatter):
            return Unavailable(
                target.label, "one run alone determines some part of the law, so the scatter of runs cannot be had"
            )
        new = student(level, freedom) * scatter
        low, high = (float(np.hypot(np.log(end / law.estimate), new)) for end in (law.low, law.high))
        return replace(law, low=law.estimate * math.exp(-low), high=law.estimate * math.exp(high), kind="prediction")

    @cached_property
    def _linear(self) -> Linear:
        return Linear.of(self.fit)


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of an interval, and what is special about them."""

    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Refused(Uncertainty):
    """The answer of a method that cannot serve a fit at all: every interval is unavailable, for one reason."""

    fit: Fit
    method: str
    reason: str
    note: str = ""

    def _ends(self, target: Target, level: float) -> Ends | str:
        return self.reason

    def standard_error(self, target: str | Target) -> float:
        """NaN."""
        return float("nan")


class Method(ABC):
    """A way to prepare an `Uncertainty`. Subclasses state `name` and `description`, one line for a list."""

    name: ClassVar[str]
    description: ClassVar[str]

    @abstractmethod
    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """Do the work that all targets share; what a method has no use for, it ignores."""


def check_level(level: float) -> None:
    """Raise `UsageError` where a level is none."""
    if not 0 < level < 1:
        raise UsageError(f"A level lies between 0 and 1; found {level}.")


def as_target(target: str | Target, fit: Fit) -> Target:
    """A parameter's name as a `Parameter` with its unit; any other target as it is."""
    if not isinstance(target, str):
        return target
    fit.value(target)
    return Parameter(target, fit.law.params[fit.law.names.index(target)].unit)
