"""Trap 15: an IsoFLOP sweep whose minimum lies at or beyond its edge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks._isoflop import budgets, vertex
from scalelaw.checks.base import Check, Subject, run_ids
from scalelaw.results import Finding


def detect(subject: Subject) -> Iterator[Finding]:
    """The minimum of each budget's parabola in ln N must lie between the smallest and the largest N tried."""
    runs = subject.runs
    outside = []
    for budget in budgets(runs):
        N = runs.n_params[budget.rows]
        best = vertex(N, runs.loss[budget.rows])
        if not np.log(N.min()) < best < np.log(N.max()):
            outside.append(budget)
    if outside:
        marked = np.isin(np.arange(len(runs)), np.concatenate([budget.rows for budget in outside]))
        shown = ", ".join(f"{budget.flops:.3g}" for budget in outside)
        message = f"the minimum of {len(outside)} IsoFLOP sweeps is not among the sizes tried: at C = {shown}"
        yield Finding("W_ISOFLOP_EDGE", "warning", message, run_ids(runs, marked), "more sizes beyond that edge")


KIND = Check(
    "isoflop_edge",
    (15,),
    "The minimum of an IsoFLOP sweep lies at or beyond its edge.",
    "IsoFLOP sweeps: five sizes or more at each budget",
    detect,
)
