"""Trap 7: a local minimum taken for the optimum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks.base import Check, Subject, percent
from scalelaw.checks.optimum import NOTHING, OWN_EXCESS, objective
from scalelaw.fitting import Fit
from scalelaw.results import Finding
from scalelaw.solver import solve

SEARCHES = 64
"""Fresh starts, none of them among those of the fit."""
AGREEING = 0.5


def detect(subject: Subject) -> Iterator[Finding]:
    """Search again from fresh starts: none may end lower, and most should end where the fit did."""
    fit = subject.fitted
    best, here = _search(fit), objective(fit, fit.theta)
    certificate = fit.certificate
    if here > best * (1 + OWN_EXCESS) + NOTHING * len(fit.runs):
        message = f"another of {SEARCHES} starts ends {percent(1 - best / here)} lower: the fit is a local minimum"
        yield Finding("E_LOCAL_MINIMUM", "error", message, knob="--starts")
    elif certificate.share_agreeing < AGREEING:
        message = f"only {percent(certificate.share_agreeing)} of {certificate.starts} starts reached this optimum"
        yield Finding("W_STARTS", "warning", message, knob="--starts")


def _search(fit: Fit) -> float:
    theta = fit.law.starts(fit.problem.z, np.exp(fit.problem.log_y), SEARCHES, np.random.default_rng([fit.seed, 7]))
    return float(solve(fit.problem, theta, fit.runs.weight).objective.min())


KIND = Check(
    "local_minima",
    (7,),
    "The fit is a local minimum, or few of its starts agree.",
    "a fit",
    detect,
)
