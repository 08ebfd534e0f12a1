"""The delete-group jackknife: refit without each group in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._covariance import symmetric
from scalelaw.intervals._linear import Ints, is_grouped, members, student
from scalelaw.intervals._refit import reweighted
from scalelaw.intervals.base import Ends, Method, Refused, Uncertainty, as_target
from scalelaw.intervals.targets import Target, forward
from scalelaw.laws.base import Floats

MOST = 400
"""Runs are left out in this many blocks at most, so that the cost does not grow with the square of the runs."""


@dataclass(frozen=True)
class LeaveOut(Uncertainty):
    """Fits without each block: natural parameters `[blocks, p]`.

    On the target's own scale (see `Target.positive`), with v_b the target without block b of B,

        se^2 = (B - 1)/B sum_b (v_b - mean v)^2,    estimate -+ t(freedom) se

    Source: Efron & Tibshirani 1993, eq. 11.5; over groups as in Cameron & Miller 2015, section VI.B (CV3).
    """

    fit: Fit
    natural: Floats
    method: str
    freedom: int
    note: str = ""

    def _ends(self, target: Target, level: float) -> Ends | str:
        values = self.values(target)
        lost = int((~np.isfinite(values)).sum())
        if lost:
            return f"it has no value without {lost} of the {len(values)} blocks of runs left out in turn"
        return symmetric(self.fit, target, student(level, self.freedom) * _error(values))

    def values(self, target: str | Target) -> Floats:
        """The target without each block, on its own scale, `[blocks]`."""
        target = as_target(target, self.fit)
        with np.errstate(all="ignore"):
            return forward(target, target.evaluate(self.fit, self.natural))

    def standard_error(self, target: str | Target) -> float:
        """The jackknife's standard error, in the target's own unit."""
        target = as_target(target, self.fit)
        return _error(self.values(target)) * (self.estimate(target) if target.positive else 1.0)


def _error(values: Floats) -> float:
    return float(np.sqrt((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum()))


@dataclass(frozen=True)
class Jackknife(Method):
    """Groups, where rows share them, with t(G - 1); single runs with t(n - p)."""

    name = "jackknife"
    description = "refit without each run or group in turn, Student's t: the all-round default"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """As many refits as there are runs or groups, 400 at most."""
        blocks, grouped = members(fit), is_grouped(fit)
        if len(blocks) < 2:
            return Refused(fit, "delete-group jackknife", "one group tells nothing of how groups differ")
        if len(blocks) > MOST:
            order = np.random.default_rng([seed, 3]).permutation(len(blocks))
            blocks = tuple(np.concatenate([blocks[i] for i in part]) for part in np.array_split(order, MOST))
        freedom = len(blocks) - 1 if grouped or len(blocks) < len(fit.runs) else len(fit.runs) - len(fit.law.params)
        what = f"{len(fit.runs.groups)} groups" if grouped else f"{len(fit.runs)} runs"
        blocked = f" in {len(blocks)} blocks" if len(blocks) == MOST else ""
        method = f"jackknife over {what}{blocked}, Student's t({freedom})"
        return LeaveOut(fit, reweighted(fit, leave_out(fit, blocks)), method, freedom)


def leave_out(fit: Fit, blocks: tuple[Ints, ...]) -> Floats:
    """Weights without each block, `[blocks, n]`."""
    weights = np.tile(fit.runs.weight, (len(blocks), 1))
    for b, rows in enumerate(blocks):
        weights[b, rows] = 0.0
    return weights


KIND = Jackknife()
