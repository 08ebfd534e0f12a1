"""Trap 4: constants printed with too few digits to predict from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks._rounding_box import RoundingBox
from scalelaw.checks.base import Check, Claim, Subject, percent
from scalelaw.checks.optimum import NOTHING, objective
from scalelaw.fitting import Fit
from scalelaw.laws.base import Floats
from scalelaw.results import Finding

PRINTED_DIGITS = 6
"""Digits of `Fit.summary` and of the tables of the command line."""
MOVE = 1e-3
"""Rounding may move a prediction by this share."""


def detect(subject: Subject) -> Iterator[Finding]:
    """How far rounding can move predictions at the runs: sum_j |d ln L / d c_j| h_j, h_j half a last digit.

    It looks at the constants claimed, where all are, and at this fit's own as they are printed.
    """
    fit = subject.fitted
    texts: dict[str, float | str] = {name: f"{value:#.{PRINTED_DIGITS}g}" for name, value in fit.estimate.items()}
    own = Claim.of(texts, fit.law).natural(fit.law)
    for whose, printed in (("claimed", subject.claim.natural(fit.law)), ("printed", own)):
        if printed is not None:
            yield from _moves(fit, whose, *printed)


def _moves(fit: Fit, whose: str, values: Floats, half_units: Floats) -> Iterator[Finding]:
    half_units = np.where(np.abs(values) <= half_units, 0.0, half_units)  # what may be 0 has no logarithm to move
    box = RoundingBox(fit.law, fit.centre, values, half_units)
    gradient = box.derivatives(np.zeros((1, len(values))), fit.problem.z)[1][0]
    share = float(np.abs(gradient).sum(axis=1).max())
    if share > MOVE:
        worst = fit.law.names[int(np.argmax(np.abs(gradient).max(axis=0)))]
        digits = int(np.ceil(np.log10(share / MOVE)))
        unit = np.where(half_units > 0, 2 * half_units, 1.0)
        rounded = np.where(half_units > 0, np.round(fit.natural / unit) * unit, fit.natural)
        after = objective(fit, fit.law.working(rounded[None], fit.centre)[0])
        excess = after / (objective(fit, fit.theta) + NOTHING * len(fit.runs)) - 1
        message = (
            f"rounding the {whose} constants to their last digits moves predictions by up to {percent(share)}, {worst} "
            f"the most, and this fit's objective by {percent(excess)}: print {digits} more digits"
        )
        yield Finding("W_ROUNDED", "warning", message, knob="--claimed" if whose == "claimed" else "--format json")


KIND = Check(
    "rounding",
    (4,),
    "Constants printed with too few digits: rounding moves their predictions.",
    "a fit; constants claimed by others are tested as well when all are given",
    detect,
)
