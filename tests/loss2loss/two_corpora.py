"""Our own two corpora: one's law and four small runs predict the largest run of the other, against those runs alone.

    python -m tests.loss2loss.two_corpora        prints the table of docs/loss2loss.md; a minute of one core

The four runs are two model sizes by 1M and 2M tokens, first seeds: every choice of two among the three smallest sizes.
The largest run is that of most 6 N D. The law of x is Chinchilla's, fitted to all runs of x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from scalelaw.loss2loss import extrapolate, pair_runs, relate, translate
from scalelaw.loss2loss.relating import fit_surface
from scalelaw.readers import read_runs
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Run, RunTable

DATA = Path(__file__).resolve().parents[2] / "data"
STARTS = 16
LONGEST = 2.5e6
"""Tokens below which a run is small: it saw 1M or 2M."""
DIRECTIONS = [(f"docs{kind}", f"python{kind}") for kind in ("", "_standard")]
DIRECTIONS += [(y, x) for x, y in DIRECTIONS]


@dataclass(frozen=True)
class Trial:
    """One choice of small runs: the errors (predicted / observed - 1) at the largest run.

    `translated` holds kappa at 1, `free` fits it; `alone` is what `extrapolate` makes of the four, a power of
    compute; `product` is A / (N^a D^b) through them.
    """

    x: str
    y: str
    sizes: tuple[float, float]
    translated: float
    free: float
    alone: float
    product: float
    inside: bool | None
    """Whether the largest run lies in the 95 % prediction interval of `translated`; None where it was not made."""
    times: float
    """6 N D of the largest run over that of the largest small one."""


def runs(name: str) -> RunTable:
    """The shipped runs of a corpus."""
    return read_runs(DATA / name / "runs.csv")


def trials(intervals: bool = False) -> Iterator[Trial]:
    """Every choice in every direction; the intervals take most of the time."""
    for x, y in DIRECTIONS:
        table = runs(y)
        surface = fit_surface(runs(x), "chinchilla", starts=STARTS)
        flops = 6 * table.n_params * table.n_tokens
        largest = table.run(int(flops.argmax()))
        first = np.array(["-s0-" in name for name in table.run_id]) & (table.n_tokens < LONGEST)
        for sizes in combinations(np.unique(table.n_params)[:3], 2):
            few = table.where(first & np.isin(table.n_params, sizes))
            ways = (translate(surface, few), translate(surface, few, "free"))
            carried = [float(way.predict(largest.n_params, largest.n_tokens)[0]) for way in ways]
            alone = extrapolate(few, largest.n_params, largest.n_tokens)
            assert len(few) == 4
            assert not isinstance(alone, Unavailable)
            losses = (*carried, alone[0], _product(few, largest))
            errors = [float(loss / largest.loss - 1) for loss in losses]
            times = float(flops.max() / (6 * few.n_params * few.n_tokens).max())
            a, b, c, d = errors
            inside = None
            if intervals:
                interval = ways[0].prediction_interval(largest.n_params, largest.n_tokens, replicates=100)
                inside = isinstance(interval, Interval) and interval.contains(largest.loss)
            yield Trial(x, y, (float(sizes[0]), float(sizes[1])), a, b, c, d, inside, times)


def _product(few: RunTable, largest: Run) -> float:
    """The loss at the largest run by least squares of ln L on 1, ln N and ln D."""
    design = np.column_stack([np.ones(len(few)), np.log(few.n_params), np.log(few.n_tokens)])
    slopes = np.linalg.lstsq(design, np.log(few.loss), rcond=None)[0]
    return float(np.exp(slopes @ [1.0, np.log(largest.n_params), np.log(largest.n_tokens)]))


def main() -> None:
    """Print the table."""
    print("| x | y | four runs of N | times their 6ND | carried over, kappa 1 | kappa free | A / C^a | A / (N^a D^b) |")
    print("|---|---|---|---|---|---|---|---|")
    found = list(trials(intervals=True))
    for one in found:
        sizes = ", ".join(f"{size / 1e3:.0f}K" for size in one.sizes)
        errors = " | ".join(f"{100 * error:+.1f} %" for error in (one.translated, one.free, one.alone, one.product))
        print(f"| {one.x} | {one.y} | {sizes} | {one.times:.1f} | {errors} |")
    for name in ("translated", "free", "alone", "product"):
        print(f"{name}: mean size of the error {100 * np.mean([abs(getattr(one, name)) for one in found]):.1f} %")
    print(f"inside the interval of translated: {sum(bool(one.inside) for one in found)} of {len(found)}")
    for x, y in DIRECTIONS[:2]:
        for free in ("surface", "free"):
            relation = relate(pair_runs(runs(x), runs(y)), free, starts=STARTS)
            print(x, y, free, relation.values, f"R2 {relation.r_squared:.4f}")


if __name__ == "__main__":
    main()
