"""The measured coverage of every method, from the table that ships beside this file (`coverage.csv`)."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, is_grouped

BAR = (0.936, 0.964)
"""A method is called good where intervals of nominal 95 % hold the truth in a share between these."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One row: in so many simulated sweeps of n runs, how often 95 % intervals of a method held a target's truth.

    Attributes:
        n: runs a sweep; noise: its kind (`pairs` and `fours`: seeds of a configuration that share most of theirs).
        objective: what was minimised, `auto` or the published `log_huber` with its narrow quadratic zone.
        coverage: among the intervals there were, NaN where there were none; unavailable: the share of sweeps without.
        width: geometric mean width relative to the Wald interval of the same sweep.
    """

    n: int
    noise: str
    objective: str
    method: str
    target: str
    sweeps: int
    replicates: int
    coverage: float
    width: float
    unavailable: float

    @property
    def grouped(self) -> bool:
        """Whether rows share groups."""
        return self.noise in ("pairs", "fours")


@cache
def measurements() -> tuple[Measured, ...]:
    """Every row of the table; none where it was left out of an installation."""
    path = files("scalelaw.intervals") / "coverage.csv"
    if not path.is_file():
        return ()
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:])
    return tuple(
        Measured(
            int(row["n"]),
            row["noise"],
            row["objective"],
            row["method"],
            row["target"],
            int(row["sweeps"]),
            int(row["replicates"]),
            *(float(row[name] or "nan") for name in ("coverage", "width", "unavailable")),
        )
        for row in rows
    )


def nearest(fit: Fit, method: str) -> tuple[Measured, ...]:
    """The rows of a method for sweeps like this fit's: grouped or not, objective wide or narrow, about as large.

    Refused cells, which have no coverage, do not count.
    """
    like = (method, is_grouped(fit), "log_huber" if Linear.of(fit).narrow else "auto")
    rows = [m for m in measurements() if (m.method, m.grouped, m.objective) == like and m.coverage >= 0]
    distance = {m.n: abs(math.log(m.n / len(fit.runs))) for m in rows}
    return tuple(m for m in rows if distance[m.n] == min(distance.values()))


def coverage_note(fit: Fit, method: str) -> str:
    """What simulation says of a method at about so many runs, where it is outside `BAR`; empty where it is good."""
    rows = nearest(fit, method)
    if not rows or all(BAR[0] <= m.coverage <= BAR[1] for m in rows):
        return ""
    low, high = min(m.coverage for m in rows), max(m.coverage for m in rows)
    what = "grouped runs" if rows[0].grouped else "runs"
    held = f"held the truth in {100 * low:.1f} to {100 * high:.1f} % of {rows[0].sweeps} sweeps"
    return f"at {rows[0].n} simulated {what}, 95 % intervals of this method {held}"
