"""Approaches 1, 2 and 3 at one budget, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from scalelaw.approaches import Allocation, PowerLaw, envelope, isoflop
from scalelaw.approaches.base import QUANTITIES, line
from scalelaw.errors import DataError
from scalelaw.planning._jackknife import half_width
from scalelaw.planning.base import Answer, Road
from scalelaw.results import Finding, Interval, Unavailable
from scalelaw.runs import Floats, RunTable

REPLICATES = 100
"""Resamplings of the curves of an envelope."""


def road(number: int, runs: RunTable, flops: float, level: float, seed: int = 0) -> Road:
    """Approach 1 (envelope) or 2 (isoflop) of Hoffmann et al. 2022, its power laws taken to a budget.

    N and D follow with C as the table counts it, which is 6 N D where nothing else was logged.
    """
    try:
        found = envelope(runs, replicates=2, level=level) if number == 1 else isoflop(runs, level=level)
    except DataError as error:
        none = Unavailable("N_opt", error.problem)
        return Road(number, "envelope" if number == 1 else "isoflop", none, none)
    laws = (found.n_params, found.n_tokens)
    if isinstance(laws[0], Unavailable) or isinstance(laws[1], Unavailable):
        return Road(number, found.approach, *(law for law in laws if isinstance(law, Unavailable)))
    centres = [float(law.at(flops)) for law in (laws[0], laws[1])]
    if number == 1:
        intervals = _resampled(runs, flops, centres, level, seed)
    else:
        intervals = _left_out(found, flops, centres, level)
    return Road(number, found.approach, *intervals)


def _left_out(found: Allocation, flops: float, centres: Sequence[float], level: float) -> list[Answer]:
    """The jackknife over budgets of ln N and ln D at ln C, Student's t, as for the exponents."""
    used, k = found.used, len(found.used)
    if k < 3:
        return [Unavailable(name, f"an interval needs 3 budgets; {k} can be used", unit) for name, unit in QUANTITIES]
    x, others = np.log([budget.flops for budget in used]), ~np.eye(k, dtype=bool)
    answers: list[Answer] = []
    for (name, unit), column, centre in zip(QUANTITIES, ("n_params", "n_tokens"), centres, strict=True):
        y = np.log([getattr(budget, column) for budget in used])
        values = np.array([_extended(x[keep], y[keep], math.log(flops)) for keep in others])
        half = half_width(values, level)
        ends = (centre * math.exp(-half), centre * math.exp(half))
        method = f"jackknife over {k} budgets, Student's t({k - 1})"
        answers.append(Interval(name, centre, *ends, level, method, unit))
    return answers


def _extended(x: Floats, y: Floats, at: float) -> float:
    slope, middle = line(x, y)
    return middle + slope * (at - float(x.mean()))


def _resampled(runs: RunTable, flops: float, centres: Sequence[float], level: float, seed: int) -> list[Answer]:
    """Percentiles of N and D at a budget over resamplings of whole curves, those without an envelope counted."""
    rng = np.random.default_rng(seed)
    names = np.array(runs.groups)
    members = {name: np.flatnonzero(np.array(runs.group) == name) for name in names}
    values = np.full((REPLICATES, 2), np.nan)
    for i in range(REPLICATES):
        picked = np.unique(rng.integers(len(names), size=len(names)))
        found = envelope(runs.take(np.concatenate([members[names[j]] for j in picked])), replicates=1, level=level)
        for column, law in enumerate((found.n_params, found.n_tokens)):
            if not isinstance(law, Unavailable):
                values[i, column] = float(law.at(flops))
    tail, method = (
        0.5 - level / 2,
        f"bootstrap over {len(names)} curves, percentile, {REPLICATES} replicates, seed {seed}",
    )
    answers: list[Answer] = []
    for (name, unit), column_values, centre in zip(QUANTITIES, values.T, centres, strict=True):
        usable = column_values[np.isfinite(column_values)]
        lost = REPLICATES - len(usable)
        if lost > tail * REPLICATES:
            reason = f"{lost} of {REPLICATES} replicates have no envelope to fit"
            answers.append(Unavailable(name, reason, unit))
        else:
            ends = np.quantile(usable, [tail, 1.0 - tail])
            answers.append(Interval(name, centre, float(ends[0]), float(ends[1]), level, method, unit))
    return answers


def side_by_side(
    runs: RunTable, flops: float, third: Road, numbers: Sequence[int] | None, level: float
) -> tuple[Road, ...]:
    """The roads asked for, and the third; where none is asked for, all three if all can be made from the runs."""
    asked = (1, 2) if numbers is None else tuple(sorted({*numbers} - {3}))
    if numbers is None and not _can_have_both(runs):
        return ()
    found = tuple(road(number, runs, flops, level) for number in asked)
    return (*found, third) if found or numbers else ()


def _can_have_both(runs: RunTable) -> bool:
    """Whether approaches 1 and 2 can be made at all, before anything is resampled."""
    try:
        return len(isoflop(runs).used) >= 3 and isinstance(envelope(runs, replicates=1).n_params, PowerLaw)
    except DataError:
        return False


def disagreements(roads: Sequence[Road]) -> list[Finding]:
    """A warning for every two approaches whose intervals for N do not meet."""
    findings = []
    for one, other in combinations(roads, 2):
        a, b = one.n_params, other.n_params
        if isinstance(a, Interval) and isinstance(b, Interval) and (a.high < b.low or b.high < a.low):
            message = (
                f"approaches {one.number} and {other.number} disagree on N* beyond their intervals: {a.estimate:.3g} "
                f"[{a.low:.3g}, {a.high:.3g}] against {b.estimate:.3g} [{b.low:.3g}, {b.high:.3g}]"
            )
            knob = "scalelaw isoflop shows the bias of approach 2 at this design"
            findings.append(Finding("W_APPROACHES_DISAGREE", "warning", message, knob=knob))
    return findings


def third(n_params: Answer, n_tokens: Answer, label: str) -> Road:
    """Approach 3, the fitted surface, as the plan has it."""
    named = [replace(answer, target=name) for answer, (name, _) in zip((n_params, n_tokens), QUANTITIES, strict=True)]
    return Road(3, f"surface ({label})", *named)
