"""Trap 6: a few runs decide the estimate."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks._refits import strongest, without
from scalelaw.checks.base import CannotLook, Check, Subject, percent, run_ids
from scalelaw.fitting import Fit
from scalelaw.laws import Param
from scalelaw.laws.base import Floats
from scalelaw.results import Finding

SHARE = 0.02
"""The share of groups that are left out together, those that pull one parameter the same way."""
LIMIT = 2.5
"""Standard errors that a parameter may move; fewer are the lot of any sample."""
CHANGE = 0.1
"""Change of a parameter's logarithm below which nobody would decide otherwise."""
ROUNDING = 1e-12
"""Residuals below this are rounding."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Leave every group out in turn, then, for each parameter and direction, the 2 % of groups that pull it most.

    Of more than 400 groups those that pull the estimate most to first order are left out.

    Found where the logarithm of an exponent, or of E, moves by more than 0.1 and by more than 2.5 standard errors.
    These come from the median absolute residual of the runs that stay, which the few that leave do not widen (the
    external scale of DFBETAS, Belsley, Kuh & Welsch 1980, chapter 2).

    Source: the approximate maximum influence of Broderick et al. 2020, arXiv 2011.14999, with exact refits.
    """
    fit = subject.fitted
    errors = np.array(fit.certificate.log_errors)
    if (~np.isfinite(errors)).all():
        raise CannotLook("no parameter is identified")
    left_out, moves, scatter = _extreme(fit)
    with np.errstate(invalid="ignore"):
        sizes = np.where(np.isfinite(moves) & (np.abs(moves) > CHANGE), np.abs(moves) / (errors * scatter), 0.0)
    sizes[:, [not _matters(param) for param in fit.law.params]] = 0.0
    case, parameter = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    if sizes[case, parameter] > LIMIT:
        name = fit.law.names[parameter]
        without_them = fit.value(name) * np.exp(moves[case, parameter])
        names = run_ids(fit.runs, left_out[case])
        message = (
            f"{name} hangs on {len(names)} of {len(fit.runs)} runs: {fit.value(name):.4g} with them, "
            f"{without_them:.4g} without ({percent(float(np.exp(moves[case, parameter]) - 1))}, "
            f"{sizes[case, parameter]:.2g} standard errors)"
        )
        yield Finding("W_INFLUENCE", "warning", message, names, "--exclude")


def _matters(param: Param) -> bool:
    """Exponents and E: a coefficient follows its exponent, and moves by far more than what it predicts."""
    return not param.unit or param.name == "E"


def _extreme(fit: Fit) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """The runs left out, `[cases, n]`, the change of each log parameter, `[cases, p]`, and the scatter, `[cases, 1]`.

    The scatter is that of the runs that stay about their own fit, as a share of all runs' about theirs.
    """
    groups = strongest(fit)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.log(fit.natural)
    single = without(fit, groups)
    moves = np.nan_to_num(single.log_natural - estimate, posinf=0.0, neginf=0.0)
    count = min(ceil(SHARE * len(fit.runs.groups)), len(groups))
    order = np.argsort(moves, axis=0)
    together = np.stack([groups[rows].any(axis=0) for end in (order[:count], order[-count:]) for rows in end.T])
    joint = without(fit, together)
    left_out = np.concatenate([groups, together])
    residuals = np.abs(fit.law.log_loss(np.concatenate([single.theta, joint.theta]), fit.problem.z) - fit.problem.log_y)
    staying = np.nanmedian(np.where(left_out, np.nan, residuals), axis=1)
    scatter = np.maximum(staying, ROUNDING) / max(np.median(np.abs(fit.residuals)), ROUNDING)
    return left_out, np.concatenate([single.log_natural, joint.log_natural]) - estimate, scatter[:, None]


KIND = Check(
    "influence",
    (6,),
    "A few runs decide an estimate: leaving them out moves it by standard errors.",
    "a fit",
    detect,
)
