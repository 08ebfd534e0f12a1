"""Points logged more than once: exact repeats, attempts that a restart superseded, two writers in one log."""

from __future__ import annotations

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Mask, lines_text
from scalelaw.readers.curves import Curves, lines_of, listed, number, points_text, steps_text
from scalelaw.readers.segments import Ints, begins, firsts
from scalelaw.runs import Exclusion, Note

SHORTEST = 4
"""Points that the attempts of a run have on average; falling back more often than that, two writers take turns."""
ALTERNATIONS = 3
"""Changes between two attempts along the steps they share from which the later one went over the same ground."""


def in_order(curves: Curves, notes: list[Note], excluded: list[Exclusion]) -> Curves:
    """The points of each run by step, each step once: of a restarted run, what its last attempt logged.

    Raises `DataError` E_CONFLICT where one run has two losses at one step and no restart tells why.
    """
    curves = curves.at(np.argsort(curves.run, kind="stable").astype(np.int64))
    rises = np.diff(curves.step, prepend=0.0) > 0
    if (rises | begins(curves.run)).all():
        return curves
    curves = _without_repeats(curves, notes, excluded)
    curves = _last_attempts(curves, notes, excluded)
    rising = curves.at(np.lexsort((curves.step, curves.run)).astype(np.int64))
    _refuse_conflicts(rising)
    return rising


def _without_repeats(curves: Curves, notes: list[Note], excluded: list[Exclusion]) -> Curves:
    """Each point once; points are the same where step, loss and tokens are."""
    order = np.lexsort((np.arange(len(curves)), curves.tokens, curves.loss, curves.step, curves.run))
    sorted_by_value = curves.at(order.astype(np.int64))
    again = ~begins(sorted_by_value.run)
    for values in (sorted_by_value.step, sorted_by_value.loss, sorted_by_value.tokens):
        again[1:] &= (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    if not again.any():
        return curves
    repeats = np.sort(order[again])
    count, lines = len(repeats), lines_of(curves, repeats.tolist())
    runs = [curves.names[code] for code in dict.fromkeys(curves.run[repeats].tolist())]
    what = f"{count} lines" if any(lines) else f"{count} rows"
    message = f"{what} repeat a point of {listed(runs)} exactly and are left out ({lines_text(lines)})"
    notes.append(Note("W_DUPLICATE", message, lines))
    for code in dict.fromkeys(curves.run[repeats].tolist()):
        mine = repeats[curves.run[repeats] == code]
        excluded.append(curves.exclusion(int(mine[0]), f"{points_text(len(mine))} that repeat others exactly"))
    keep = np.ones(len(curves), dtype=bool)
    keep[repeats] = False
    return curves.where(keep)


def _last_attempts(curves: Curves, notes: list[Note], excluded: list[Exclusion]) -> Curves:
    """The points in the order they were written, without those of attempts that were gone over again."""
    falls = (np.diff(curves.step, prepend=np.inf) < 0) & ~begins(curves.run)
    keep = np.ones(len(curves), dtype=bool)
    start = firsts(curves.run)
    stop = np.append(start[1:], len(curves))
    sorted_runs: list[str] = []
    told: list[str] = []
    lines: list[int] = []
    for code in np.unique(np.searchsorted(start, np.flatnonzero(falls), side="right") - 1).tolist():
        low, high = int(start[code]), int(stop[code])
        mine, restarts = _superseded(curves, low, falls[low:high])
        keep[low:high] = ~mine
        if not restarts:
            sorted_runs.append(curves.name(low))
            continue
        dropped = low + np.flatnonzero(mine)
        lines += lines_of(curves, dropped.tolist())
        told.append(_said(curves, low, high, restarts, dropped))
        first = int(dropped[0])
        excluded.append(
            curves.exclusion(first, f"{points_text(len(dropped))} of an earlier attempt, {_span(curves, dropped)}")
        )
    if sorted_runs:
        notes.append(Note("I_SORTED", f"{listed(sorted_runs)}: points out of order are sorted by step"))
    if told:
        notes.append(
            Note("W_RESTART", f"{listed(told)}: gone over again after a restart; last attempt kept", tuple(lines))
        )
    return curves.where(keep)


def _superseded(curves: Curves, low: int, falls: Mask) -> tuple[Mask, list[int]]:
    """Which points of a run a later attempt went over again, and the points at which such attempts begin.

    The step may also fall because lines are out of order: then the later lines fill in steps that the earlier lack.
    """
    steps = curves.step[low : low + len(falls)]
    bounds = [0, *np.flatnonzero(falls).tolist(), len(falls)]
    gone = np.zeros(len(falls), dtype=bool)
    restarts: list[int] = []
    if len(np.unique(steps)) == len(steps) and len(falls) < SHORTEST * (len(bounds) - 1):
        return gone, restarts
    if len(falls) < SHORTEST * (len(bounds) - 1):
        _refuse_writers(curves, low, steps)
    for before, begin, after in zip(bounds[-3::-1], bounds[-2:0:-1], bounds[:1:-1], strict=True):
        earlier, later = steps[before:begin], steps[begin:after]
        if _goes_over(earlier, later):
            gone[:begin] |= steps[:begin] >= later[0]
            restarts.append(low + begin)
    return gone, restarts[::-1]


def _goes_over(earlier: np.ndarray, later: np.ndarray) -> bool:
    if np.isin(later, earlier).any():
        return True
    both = np.concatenate([earlier[earlier >= later[0]], later[later <= earlier[-1]]])
    whose = np.repeat([0, 1], [int((earlier >= later[0]).sum()), int((later <= earlier[-1]).sum())])
    return int((np.diff(whose[np.argsort(both)]) != 0).sum()) > ALTERNATIONS


def _said(curves: Curves, low: int, high: int, restarts: list[int], dropped: Ints) -> str:
    jumps = ", ".join(f"step {number(curves.step[at - 1])} -> {number(curves.step[at])}" for at in restarts)
    lost = float(curves.step[low:high].max()) > float(curves.step[high - 1])
    ends = f", and the last attempt ends at step {number(curves.step[high - 1])}" if lost else ""
    return f"run {curves.name(low)}: {jumps}{ends}; {_span(curves, dropped)}"


def _span(curves: Curves, points: Ints) -> str:
    return steps_text(float(curves.step[points].min()), float(curves.step[points].max()))


def _refuse_writers(curves: Curves, low: int, steps: np.ndarray) -> None:
    order = np.argsort(steps, kind="stable")
    twice = np.flatnonzero(np.diff(steps[order]) == 0)
    _raise_conflict(curves, low + int(order[twice[0]]), low + int(order[twice[0] + 1]))


def _refuse_conflicts(curves: Curves) -> None:
    twice = np.flatnonzero((np.diff(curves.step) == 0) & ~begins(curves.run)[1:])
    if len(twice):
        _raise_conflict(curves, int(twice[0]), int(twice[0]) + 1)


def _raise_conflict(curves: Curves, first: int, second: int) -> None:
    lines = sorted(lines_of(curves, (first, second)))
    losses = f"{curves.loss[first]:.6g} and {curves.loss[second]:.6g}"
    where = f" in {lines_text(lines)}" if any(lines) else ""
    raise DataError(
        "E_CONFLICT",
        f"run {curves.name(first)} has two losses at step {number(curves.step[first])}{where}: {losses}",
        file=curves.file(first),
        line=max(lines) or None,
        remedy="two writers in one log: keep the lines of one, or name them apart with a column seed or --run-id",
    )
