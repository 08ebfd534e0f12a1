"""Uncertainty, one method to a file: a `Fit` becomes an `Uncertainty`, which answers with intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear
from scalelaw.intervals.base import LEVEL, RESTS_ON_ONE_GROUP, Method, Refused, Uncertainty
from scalelaw.intervals.bootstrap import bootstrap
from scalelaw.intervals.draws import Draws
from scalelaw.intervals.measured import coverage_note
from scalelaw.intervals.targets import (
    LossAt,
    OptimalExponent,
    OptimalLoss,
    OptimalParams,
    OptimalRatio,
    OptimalTokens,
    Parameter,
    Target,
)
from scalelaw.registry import Registry
from scalelaw.results import Interval, Unavailable

INTERVALS: Registry[Method] = Registry("scalelaw.intervals", "interval method")


def uncertainty(
    fit: Fit, method: str | Method = "auto", *, replicates: int = 1000, seed: int = 0, workers: int = 1
) -> Uncertainty:
    """What a fit's intervals are made from; ask it for as many targets as you like.

    Args:
        method: a name of `INTERVALS`. `auto` picks by the measured coverage and says what and why in its `method`. A
            method whose measured coverage is off at about so many runs says so in the `note` of its intervals.
        replicates: refits, for the methods that resample.
        seed: of everything random; the same seed gives the same intervals on any number of `workers`, processes.

    Raises:
        UsageError: for an unknown method.
    """
    kind = INTERVALS[method] if isinstance(method, str) else method
    if Linear.of(fit).saturated:
        return Refused(fit, kind.name, RESTS_ON_ONE_GROUP)
    made: Any = kind.prepare(fit, replicates=replicates, seed=seed, workers=workers)
    labelled: Uncertainty = replace(made, note=made.note or coverage_note(fit, kind.name))
    return labelled


def interval(
    fit: Fit,
    target: str | Target,
    *,
    method: str | Method = "auto",
    level: float = LEVEL,
    replicates: int = 1000,
    seed: int = 0,
) -> Interval | Unavailable:
    """The interval of one target. For several, keep the `Uncertainty` and ask it.

    Raises:
        UsageError: for an unknown method or parameter, or a level outside (0, 1).
    """
    return uncertainty(fit, method, replicates=replicates, seed=seed).interval(target, level)


__all__ = [
    "INTERVALS",
    "LEVEL",
    "Draws",
    "LossAt",
    "Method",
    "OptimalExponent",
    "OptimalLoss",
    "OptimalParams",
    "OptimalRatio",
    "OptimalTokens",
    "Parameter",
    "Target",
    "Uncertainty",
    "bootstrap",
    "interval",
    "uncertainty",
]
