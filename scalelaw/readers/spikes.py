"""Losses that leave their curve: spikes, which pass, and divergence, which stays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scalelaw.readers.base import Mask
from scalelaw.readers.curves import Curves, lines_of, listed, number, points_text, steps_text
from scalelaw.readers.segments import (
    begins,
    ends,
    following_min,
    lengths,
    medians,
    previous,
    running_min,
    without_outliers,
)
from scalelaw.runs import Exclusion, Floats, Note

NOISE = 10.0
"""Robust standard deviations of a curve's noise beyond which a loss is above its curve."""
SPIKE, DIVERGED = 0.05, 0.10
"""Least rise above the lowest loss so far, as a share of it, of a spike and of a divergence."""
FEWEST = 8
"""Points of a curve that show what its noise is."""
STAYS = 3
"""Points at the end of a curve that must be high for it to have diverged; fewer are a spike at its end."""
WINDOW = 0.05
"""Share of a curve's points within which a divergence rises. Overfitting, which rises slowly, is none."""


@dataclass(frozen=True)
class Diverged:
    """The curves up to where they diverged, the indices of the names of the runs that did, and which points spike."""

    curves: Curves
    runs: frozenset[int]
    spiking: Mask


def without_divergence(curves: Curves, notes: list[Note], excluded: list[Exclusion]) -> Diverged:
    """The points of each run up to where its loss rises suddenly and stays high; a spike that passes is noted and kept.

    A loss is high where it is above the lowest so far, single points aside, by more than 10 robust standard deviations
    of the differences of neighbours and by more than 5 % (a spike) or 10 % (a divergence). Losses that are not
    positive are left for the reader to refuse.
    """
    if not len(curves):
        return Diverged(curves, frozenset(), np.zeros(0, dtype=bool))
    calm = without_outliers(curves.loss, curves.run)
    base = previous(running_min(calm, curves.run), curves.run)
    noise = NOISE * _noise(curves)
    base[(lengths(curves.run) < FEWEST) | (base <= 0)] = np.nan
    stays = following_min(calm, curves.run) > base + np.maximum(DIVERGED * base, noise)
    gone = np.zeros(len(curves), dtype=bool)
    told: list[str] = []
    lines: list[int] = []
    runs: list[int] = []
    for point in np.flatnonzero(stays & ~_before(stays, curves)).tolist():
        end = int(np.searchsorted(curves.run, curves.run[point], side="right"))
        if end - point < STAYS or not _sudden(curves, point, end, base[point], noise[point]):
            continue
        gone[point:end] = True
        runs.append(int(curves.run[point]))
        name, step = curves.name(point), number(curves.step[point])
        lines += lines_of(curves, (point,))
        rise = f"from {base[point]:.4g} and stays at {curves.loss[point:end].min():.4g} or more"
        gone_points = f"{points_text(end - point)} left out, the end of run {name} not fitted"
        told.append(f"run {name} rises at step {step} {rise}: diverged, {gone_points}")
        excluded.append(curves.exclusion(point, f"diverged at step {step}: {points_text(end - point)} left out"))
    if told:
        notes.append(Note("W_DIVERGED", listed(told), tuple(lines)))
    high = (curves.loss > base + np.maximum(SPIKE * base, noise)) & ~gone
    _note_spikes(curves, high, base, notes)
    return Diverged(curves.where(~gone), frozenset(runs), high[~gone])


def _noise(curves: Curves) -> Floats:
    """1.4826 times the median absolute deviation of the differences of neighbours, over the root of 2, of each run."""
    change = curves.loss - previous(curves.loss, curves.run)
    return 1.4826 / math.sqrt(2) * medians(np.abs(change - medians(change, curves.run)), curves.run)


def _before(mask: Mask, curves: Curves) -> Mask:
    """Whether the point before, of the same run, is marked."""
    moved = np.zeros(len(mask), dtype=bool)
    moved[1:] = mask[:-1]
    return moved & ~begins(curves.run)


def _sudden(curves: Curves, point: int, end: int, base: float, noise: float) -> bool:
    begin = int(np.searchsorted(curves.run, curves.run[point], side="left"))
    width = max(STAYS, int(WINDOW * (end - begin)))
    before, after = curves.loss[max(begin, point - width) : point], curves.loss[point : point + width]
    return bool(np.median(after) - np.median(before) > max(DIVERGED * base, noise))


def _note_spikes(curves: Curves, high: Mask, base: Floats, notes: list[Note]) -> None:
    """One note of all spikes: stretches of high points that come down again, or are few and at the end."""
    start = np.flatnonzero(high & ~_before(high, curves))
    if not len(start):
        return
    last = ends(curves.run)
    told: list[str] = []
    lines: list[int] = []
    for point in start.tolist():
        stop = point
        while not last[stop] and high[stop + 1]:
            stop += 1
        if last[stop] and stop - point + 1 >= STAYS:
            continue  # a slow rise to the end, as of overfitting
        where = steps_text(float(curves.step[point]), float(curves.step[stop]))
        at_end = ", at its end" if last[stop] else ""
        top = curves.loss[point : stop + 1].max()
        told.append(f"run {curves.name(point)}, {where}{at_end}: up to {top:.4g} from {base[point]:.4g}")
        lines += lines_of(curves, range(point, stop + 1))
    if told:
        notes.append(Note("W_SPIKE", f"the loss spikes; kept: {listed(told)}", tuple(lines)))
