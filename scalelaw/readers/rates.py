"""The learning rate along a curve: how far it had decayed where the loss was read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.readers.base import Cells
from scalelaw.readers.columns import plain_name
from scalelaw.readers.curves import Curves, listed
from scalelaw.readers.parsing import parse_column
from scalelaw.readers.segments import begins, ends
from scalelaw.runs import Floats, Note

DECAYED = 0.1
"""A rate that ends above this share of its peak has not decayed (Hoffmann et al. 2022 end at 0.1)."""
SLACK = 1.001
"""For shares that are 0.1 but for rounding."""


@dataclass(frozen=True)
class Rates:
    """The rate at each row, or at the last point before it that logged one, and the peak of the row's run."""

    now: Floats
    peak: Floats

    def beside(self, cells: Cells) -> Cells:
        """The cells with columns `peak_lr` and `final_lr`, the rate where the loss of the row was read."""
        columns = {"peak_lr": self.peak.tolist(), "final_lr": self.now.tolist()}
        return cells.with_columns({name: cells.columns.get(name, values) for name, values in columns.items()})


def rates_of(curves: Curves) -> Rates | None:
    """The rates of all rows; None where no column of rates changes along a run, for then it is a setting."""
    order = np.lexsort((curves.step, curves.run))
    run, row = curves.run[order], curves.row[order]
    for name in _candidates(curves.cells):
        logged = parse_column(curves.cells, name, name).values[row]
        peak = np.full(len(curves.names), -np.inf)
        np.fmax.at(peak, run, logged)
        least = np.full(len(curves.names), np.inf)
        np.fmin.at(least, run, logged)
        if not (least < peak).any():
            continue
        known = np.where(~np.isnan(logged) | begins(run), np.arange(len(row)), 0)
        now, top = np.empty(len(row)), np.empty(len(row))
        now[row] = logged[np.maximum.accumulate(known)]
        top[row] = np.where(np.isfinite(peak), peak, np.nan)[run]
        return Rates(now, top)
    return None


def _candidates(cells: Cells) -> list[str]:
    """Columns of rates, those of the plainest name first."""
    plain = {name: plain_name(name) for name in cells.columns}
    exact = [name for name, short in plain.items() if short in ("lr", "learning_rate")]
    longer = [name for name, short in plain.items() if short.endswith(("_lr", "_learning_rate")) or short[:3] == "lr_"]
    return exact + longer


def note_undecayed(curves: Curves, rates: Rates, notes: list[Note]) -> None:
    """A note of the runs whose rate at their last point is above a tenth of its peak."""
    last = np.flatnonzero(ends(curves.run))
    rows = curves.row[last]
    share = rates.now[rows] / rates.peak[rows]
    told = [
        f"run {curves.name(int(last[i]))}: lr at the end = {100 * share[i]:.0f}% of its peak"
        for i in np.flatnonzero(share > DECAYED * SLACK).tolist()
    ]
    if told:
        message = f"{listed(told)}; such a loss is above that of a schedule that ended there"
        notes.append(Note("W_LR_NOT_DECAYED", message))
