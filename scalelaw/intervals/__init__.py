"""Uncertainty, one method to a file: a `Fit` becomes `Draws`, and draws answer with intervals."""

from __future__ import annotations

from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals.base import LEVEL, Draws
from scalelaw.intervals.bootstrap import bootstrap
from scalelaw.intervals.targets import (
    LossAt,
    OptimalLoss,
    OptimalParams,
    OptimalRatio,
    OptimalTokens,
    Parameter,
    Target,
)
from scalelaw.results import Interval, Unavailable


def interval(
    fit: Fit,
    target: str | Target,
    *,
    method: str = "bootstrap",
    level: float = LEVEL,
    replicates: int = 1000,
    seed: int = 0,
) -> Interval | Unavailable:
    """The interval of one target. For several, keep the `Draws` of `bootstrap` and ask them.

    Raises:
        UsageError: for an unknown method or parameter, or a level outside (0, 1).
    """
    if method != "bootstrap":
        raise UsageError(f"Unknown interval method {method!r}. Known: bootstrap.")
    if not 0 < level < 1:
        raise UsageError(f"A level lies between 0 and 1; found {level}.")
    return bootstrap(fit, replicates, seed=seed).interval(target, level)


__all__ = [
    "LEVEL",
    "Draws",
    "LossAt",
    "OptimalLoss",
    "OptimalParams",
    "OptimalRatio",
    "OptimalTokens",
    "Parameter",
    "Target",
    "bootstrap",
    "interval",
]
