"""Traps 1 and 2: the optimiser stopped early, on a mean instead of a sum or by loose tolerances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from scalelaw.checks._rounding_box import RoundingBox
from scalelaw.checks.base import Check, Subject, percent
from scalelaw.fitting import Fit
from scalelaw.laws.base import Floats
from scalelaw.results import Finding
from scalelaw.solver import solve

OWN_EXCESS = 1e-6
"""A fit of this program is at its optimum to rounding; a file or another program's theta may not be."""
CLAIMED_EXCESS = 0.01
"""Constants of others may differ by what their digits round off, and by this share of the objective."""
NOTHING = 1e-20
"""An objective below this for each run is an exact fit: its rounding has no relative excess."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Descend from the estimate, and from the best constants that round to those claimed: nothing may be gained.

    A stopping rule that depends on the objective's scale (mean or sum) or stops by an absolute tolerance leaves
    constants from which a scale-free descent still gains. Source: Besiroglu et al. 2024, arXiv 2404.10102.
    """
    fit = subject.fitted
    end = solve(fit.problem, fit.theta[None], fit.runs.weight)
    best, here = float(end.objective[0]), objective(fit, fit.theta)
    if here > best * (1 + OWN_EXCESS) + NOTHING * len(fit.runs):
        message = f"the fit is no optimum: a descent from it lowers the objective by {percent(1 - best / here)}"
        yield Finding("E_NOT_OPTIMUM", "error", message, knob="--starts")
    printed = subject.claim.natural(fit.law)
    if printed is not None:
        yield from _claimed(fit, *printed, min(best, here))


def objective(fit: Fit, theta: Floats) -> float:
    """What the fit minimised, at other working parameters `[p]`."""
    return float(fit.problem.objective(theta[None], fit.runs.weight[None])[0])


def _claimed(fit: Fit, values: Floats, half_units: Floats, best: float) -> Iterator[Finding]:
    box = RoundingBox(fit.law, fit.centre, values, half_units)
    printed = objective(fit, box.theta(np.zeros((1, len(values))))[0])
    inside = solve(replace(fit.problem, curve=box), np.zeros((1, len(values))), fit.runs.weight)
    floor = best + NOTHING * len(fit.runs)
    excess, kindest = printed / floor - 1, float(inside.objective[0]) / floor - 1
    if kindest > CLAIMED_EXCESS:
        message = (
            f"the claimed constants are no optimum of {fit.objective.label} at these {len(fit.runs)} runs: their "
            f"objective lies {percent(excess)} above it, and {percent(kindest)} at the best that round to them"
        )
        yield Finding("W_CLAIM_NOT_OPTIMUM", "warning", message, knob="--claimed, --objective")


KIND = Check(
    "optimum",
    (1, 2),
    "The optimiser stopped early: a mean instead of a sum of losses, or tolerances too loose.",
    "a fit; constants claimed by others are tested as well when all are given",
    detect,
)
