"""What computations give back: findings, intervals and the certificate of a fit. All frozen, none knows a plot."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]
Kind = Literal["confidence", "prediction"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a careful reader would want to know, as a sentence; `knob` names the option that changes it."""

    code: str
    severity: Severity
    message: str
    runs: tuple[str, ...] = ()
    knob: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval: the unit, the level, the method that made it and what is known of that method.

    `kind` is `confidence` (where the quantity lies) or `prediction` (where a new run will land).
    """

    target: str
    estimate: float
    low: float
    high: float
    level: float
    method: str
    unit: str = ""
    kind: Kind = "confidence"
    note: str = ""

    available = True

    def contains(self, value: float) -> bool:
        """Whether the value lies within, ends included."""
        return self.low <= value <= self.high

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; an infinite end becomes None."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        share = f"{100 * self.level:g} %"
        return f"{self.estimate:.6g} [{self.low:.6g}, {self.high:.6g}] {self.unit} ({share}, {self.method})"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An interval that cannot be had, and why. It stands where the interval would."""

    target: str
    reason: str
    unit: str = ""

    available = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"not available: {self.reason}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why an estimate may be called the optimum, or why not.

    Attributes:
        converged: every test below passed at the reported estimate.
        outcome: the verdict as a sentence.
        objective: the objective at the estimate, in its own unit.
        decrement: what one more Newton step would still gain, relative to the objective.
        starts: how many starts were polished.
        share_agreeing: the share of starts whose objective is within 1e-9 (relative) of the best.
        active_bounds: parameters that ended on a bound.
        condition: condition number of the column-scaled Jacobian of the log-loss.
        lambda_min: smallest eigenvalue of J'J/s^2 in log-parameters; 1/sqrt of it is the error, in e-folds, of the
            worst-known direction. Below 1 unidentified, below 16 weak.
        log_errors: per parameter, the standard error of its logarithm (how many e-folds it is known to).
        flattest: the worst-known direction in words: how far the parameters may move together for one standard error.
    """

    converged: bool
    outcome: str
    objective: float
    decrement: float
    starts: int
    share_agreeing: float
    active_bounds: tuple[str, ...]
    condition: float
    lambda_min: float
    log_errors: tuple[float, ...]
    flattest: str = ""
