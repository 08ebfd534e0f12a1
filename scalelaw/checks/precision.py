"""Traps 3 and 5: replicates that never move, and standard errors that these runs cannot have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks._refits import jackknife_errors
from scalelaw.checks.base import CannotLook, Check, Subject, percent
from scalelaw.fitting import Fit
from scalelaw.intervals import Draws
from scalelaw.laws.base import Floats
from scalelaw.results import Finding

TOO_SMALL = 2.5
"""A standard error smaller than these runs give by more than this factor is none of theirs."""
STILL = 1e-3
"""A replicate that moved every parameter by less than this share of its standard error has not moved."""
STILL_SHARE = 0.1


def detect(subject: Subject) -> Iterator[Finding]:
    """Compare claimed standard errors, and the spread of replicates, with the delete-one-group jackknife's.

    A standard error s times smaller than the runs give would take s^2 times as many runs, the rule by which
    Besiroglu et al. 2024 (arXiv 2404.10102) found that Hoffmann et al.'s intervals need 600,000.
    """
    fit = subject.fitted
    claimed = subject.claim.standard_errors
    if not claimed and subject.draws is None:
        raise CannotLook("no standard errors were claimed and no replicates given (--claimed-se alpha=0.0005)")
    errors = jackknife_errors(fit)
    for name, error in claimed.items():
        yield from _compare(fit, errors, name, error / abs(subject.claim.values.get(name, fit.value(name))), "claimed")
    if subject.draws is not None:
        yield from _replicates(fit, errors, subject.draws)


def _compare(fit: Fit, errors: Floats, name: str, claimed: float, whose: str) -> Iterator[Finding]:
    known = errors[fit.law.names.index(name)]
    if claimed * TOO_SMALL < known:
        implied = len(fit.runs) * (known / claimed) ** 2
        message = (
            f"the {whose} standard error of {name} is {percent(claimed)} of it, these runs give {percent(known)}: "
            f"{known / claimed:.3g} times too small; it would take some {implied:.2g} runs"
        )
        yield Finding("W_IMPLAUSIBLE_PRECISION", "warning", message, knob="--claimed-se")


def _replicates(fit: Fit, errors: Floats, draws: Draws) -> Iterator[Finding]:
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.log(draws.natural) - np.log(fit.natural)
    moved = moved[:, np.isfinite(errors)]
    usable = np.isfinite(moved).all(axis=1)
    still = (np.abs(moved[usable]) < STILL * errors[np.isfinite(errors)]).all(axis=1)
    if len(still) and still.mean() > STILL_SHARE:
        message = f"{percent(float(still.mean()))} of {len(still)} replicates never moved from the estimate"
        yield Finding("W_REPLICATES_STILL", "warning", message, knob="--replicates")
    names = [name for name, error in zip(fit.law.names, errors, strict=True) if np.isfinite(error)]
    for name, column in zip(names, moved[usable].T, strict=True):
        low, high = np.percentile(column, [15.87, 84.13])
        yield from _compare(fit, errors, name, float(high - low) / 2, "replicates'")


KIND = Check(
    "precision",
    (3, 5),
    "Replicates that never moved, or standard errors that would take many times the runs there are.",
    "a fit, and claimed standard errors or replicates",
    detect,
)
