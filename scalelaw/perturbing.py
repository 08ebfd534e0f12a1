"""What changes when a choice behind a fit is changed: the objective, its delta, the worst rows, one model size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals.targets import OptimalParams
from scalelaw.laws.base import Floats
from scalelaw.objectives import Objective, get_objective
from scalelaw.objectives.log_huber import LogHuber
from scalelaw.solver import solve

WORST = 5
"""How many of the largest residuals are left out together."""
TIMES = 10.0
"""The budget, as a multiple of the largest run's, at which the compute-optimal size is compared."""


@dataclass(frozen=True, slots=True)
class Change:
    """One choice changed: the estimates then, by name, and the optimal size at 10 times the largest compute.

    `n_params` is None for a law without a compute optimum; `runs` are those left out.
    """

    what: str
    estimate: Mapping[str, float]
    n_params: float | None
    runs: tuple[str, ...] = ()


def sensitivity(fit: Fit) -> tuple[Change, ...]:
    """The fit as it is, then refits from its estimate with one choice changed at a time.

    Changes: the published Huber delta of 1e-3, a delta ten times smaller and larger than the fit's, least squares and
    least absolute deviations of the log, the `WORST` rows left out, and the one model size left out that moves the
    estimates most.
    """
    changes = [_change(fit, "as fitted", fit.natural)]
    for objective in _other_objectives(fit.objective):
        changes.append(_change(fit, objective.label, _refit(fit, objective)))
    w = fit.runs.weight
    worst = np.argsort(-np.abs(fit.residuals), kind="stable")[: min(WORST, len(w) - len(fit.theta) - 1)]
    if len(worst):
        kept = np.where(np.isin(np.arange(len(w)), worst), 0.0, w)
        changes.append(_change(fit, f"without the {len(worst)} worst rows", _reweighted(fit, kept[None])[0], worst))
    return (*changes, *_without_one_size(fit))


def _other_objectives(objective: Objective) -> list[Objective]:
    others: list[Objective] = [LogHuber(1.0, 1e-3)]
    if isinstance(objective, LogHuber):
        others += [LogHuber(delta=objective.delta * factor) for factor in (0.1, 10.0)]
    others += [get_objective("log_least_squares"), get_objective("least_absolute")]
    return [other for other in others if other.label != objective.label]


def _refit(fit: Fit, objective: Objective) -> Floats:
    theta = fit.theta[None]
    for stage in objective.stages():
        theta = solve(replace(fit.problem, misfit=stage), theta, fit.runs.weight).theta
    return np.asarray(fit.law.natural(theta, fit.centre)[0])


def _reweighted(fit: Fit, weights: Floats) -> Floats:
    theta = solve(fit.problem, np.tile(fit.theta, (len(weights), 1)), weights).theta
    return fit.law.natural(theta, fit.centre)


def _without_one_size(fit: Fit) -> tuple[Change, ...]:
    """The model size whose absence moves the logs of the parameters most, where sizes are few and repeated."""
    sizes, member = np.unique(fit.runs.n_params, return_inverse=True)
    if not 3 < len(sizes) <= len(fit.runs) / 2:
        return ()
    kept = np.where(member == np.arange(len(sizes))[:, None], 0.0, fit.runs.weight)
    natural = _reweighted(fit, kept)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.abs(np.log(natural / fit.natural)) / np.maximum(fit.certificate.log_errors, 1e-12)
    most = int(np.argmax(np.nan_to_num(moved, posinf=0.0).max(axis=1)))
    left_out = np.flatnonzero(member == most)
    return (_change(fit, f"without N = {sizes[most]:.4g}", natural[most], left_out),)


def _change(fit: Fit, what: str, natural: Floats, left_out: NDArray[np.intp] | None = None) -> Change:
    runs = () if left_out is None else tuple(fit.runs.run_id[i] for i in left_out)
    return Change(what, dict(zip(fit.law.names, map(float, natural), strict=True)), _optimal(fit, natural), runs)


def _optimal(fit: Fit, natural: Floats) -> float | None:
    largest = float(np.nanmax(6.0 * fit.runs.n_params * fit.runs.n_tokens))
    try:
        size = OptimalParams(TIMES * largest).evaluate(fit, natural[None])[0]
    except (UsageError, DataError):
        return None
    return float(size) if np.isfinite(size) else None
