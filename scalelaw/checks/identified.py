"""Trap 20: an irreducible loss at its bound, or runs that cannot determine the law."""

from __future__ import annotations

from collections.abc import Iterator

from scalelaw.checks.base import Check, Subject
from scalelaw.errors import DataError
from scalelaw.identifiability import UNIDENTIFIED
from scalelaw.results import Finding

SIGNIFICANT = 2.0
"""Standard errors that E must be away from 0."""


def detect(subject: Subject) -> Iterator[Finding]:
    """The refusal of a fit, parameters at their bounds, and parameters known to no better than a factor of e.

    Two sizes only are refused before any fit (see `scalelaw.identifiability`).
    """
    fit = subject.outcome
    if isinstance(fit, DataError):
        message = fit.problem + (f". Next: {fit.remedy}" if fit.remedy else "")
        yield Finding(fit.code, "error", message, knob="--law")
        return
    certificate = fit.certificate
    for name in certificate.active_bounds:
        at = fit.value(name)
        how = "cannot be told from 0 by these runs" if at == 0 else "is held by its bound, not by the runs"
        yield Finding("W_AT_BOUND", "warning", f"{name} = {at:.3g} {how}", knob="--law, or more runs")
    free = [name for name in fit.law.names if name not in certificate.active_bounds]
    E_error = certificate.log_errors[fit.law.names.index("E")] if "E" in free else 0.0
    if 1 / SIGNIFICANT < E_error < 1:
        message = f"E = {fit.value('E'):.3g} is {1 / E_error:.2g} of its standard errors: it cannot be told from 0"
        yield Finding("W_E_NOT_SIGNIFICANT", "warning", message, knob="--law, or more runs")
    unknown = [name for name in free if not fit.identified(name)]
    if unknown or certificate.lambda_min < UNIDENTIFIED:
        which = ", ".join(unknown) or "a combination of the parameters"
        message = f"known to no better than a factor of e by these {len(fit.runs)} runs: {which}"
        yield Finding("W_UNIDENTIFIED", "warning", message, knob="--law, or runs over a wider range")


KIND = Check(
    "identified",
    (20,),
    "The runs do not determine the law: two sizes only, E at its bound, or a parameter unknown to a factor of e.",
    "runs",
    detect,
)
