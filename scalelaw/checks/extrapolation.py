"""Trap 21: extrapolation with the error of the parameters only, where the curve itself is in doubt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks.base import CannotLook, Check, Subject, percent, run_ids
from scalelaw.errors import DataError
from scalelaw.fitting import Fit, fit
from scalelaw.laws.base import Floats
from scalelaw.results import Finding

SHARE = 1 / 3
"""Share of the runs, those of most compute, that should follow the law of the others."""
LEVEL = 0.005
"""Level of the test."""
CLIP = 4.0
"""Robust standard deviations to which residuals are clipped: one outlier is no bend."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Do the runs of most compute leave the curve, by a step or by a slope in ln C?

    A score test: the log residuals r of least squares to all runs are regressed on the law's own gradient J and on
    X = [1, ln C - c] for the largest third, 0 for the others, c the ln C where it begins. F is the ratio of what X
    explains beyond J, per column, to the residual variance. A bend shows here that intervals made of parameter error
    alone leave out; the sentence says by how much a fit without those runs misses them.
    """
    from scipy.special import fdtrc

    given, runs = subject.fitted, subject.runs
    log_C = np.log(np.where(np.isfinite(runs.flops), runs.flops, 6.0 * runs.n_params * runs.n_tokens))
    if not np.isfinite(log_C).all():
        raise CannotLook("flops are not known for every run")
    order = np.argsort(log_C, kind="stable")
    first = len(runs) - round(SHARE * len(runs))
    largest = np.isin(np.arange(len(runs)), order[first:])
    every = fit(given.law, runs, "log_least_squares", seed=given.seed)
    X = largest[:, None] * np.stack([np.ones(len(runs)), log_C - log_C[order[first]]], axis=1)
    J = given.law.derivatives(every.theta[None], every.problem.z)[1][0]
    free = len(runs) - J.shape[1] - X.shape[1]
    if free < 3:
        raise CannotLook(f"{len(runs)} runs are too few to tell a bend from noise")
    ratio = _explained(_clipped(every.residuals), J, X) / X.shape[1]
    if fdtrc(X.shape[1], free, ratio) < LEVEL:
        message = (
            f"the {int(largest.sum())} runs of most compute leave the curve of the others{_missed(every, largest)}: "
            "it bends, and intervals beyond the runs leave that out"
        )
        yield Finding("W_BENDS", "warning", message, run_ids(runs, largest), "scalelaw backtest, another --law")


def _clipped(r: Floats) -> Floats:
    limit = CLIP * 1.4826 * np.median(np.abs(r))
    return np.clip(r, -limit, limit)


def _explained(r: Floats, J: Floats, X: Floats) -> float:
    """The squares that X explains beyond J, over the variance of what neither does."""
    inner = _rest(r, J)
    outer = _rest(r, np.concatenate([J, X], axis=1))
    free = len(r) - J.shape[1] - X.shape[1]
    return float((inner @ inner - outer @ outer) / max(outer @ outer / free, 1e-300))


def _rest(r: Floats, columns: Floats) -> Floats:
    """What a regression on the columns leaves of r."""
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    return np.asarray(r - scaled @ np.linalg.lstsq(scaled, r, rcond=None)[0])


def _missed(every: Fit, largest: NDArray[np.bool_]) -> str:
    """By how much a fit without the largest runs misses them, where there is one."""
    try:
        smaller = fit(every.law, every.runs.where(~largest), every.objective, seed=every.seed)
    except DataError:
        return ""
    predicted = every.law.predict(smaller.natural[None], every.law.read(every.runs.where(largest)))[0]
    errors = np.log(predicted) - every.problem.log_y[largest]
    free = len(smaller.runs) - len(every.law.names)
    scatter = float(np.sqrt((smaller.residuals**2).sum() / free))
    missed = percent(float(np.abs(errors).mean()))
    return f" (a fit without them misses them by {missed} on average; its own scatter is {percent(scatter)})"


KIND = Check(
    "extrapolation",
    (21,),
    "The largest runs do not follow the law of the others: beyond the runs parameter error is not all.",
    "a fit, five runs more than parameters, and their compute",
    detect,
)
