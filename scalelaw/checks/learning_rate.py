"""Trap 11: a learning rate that was not tuned at every size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import Check, Subject, run_ids
from scalelaw.laws.base import Floats
from scalelaw.results import Finding
from scalelaw.runs import RunTable

Rows = NDArray[np.intp]

SPAN = 4.0
"""One learning rate may serve sizes within this factor."""
TRANSFERS = ("mup", "µp", "μp", "u-mup", "maximal")
"""Parametrizations under which one learning rate serves all widths (Yang et al. 2022, arXiv 2203.03466)."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Configurations tried at several learning rates: is the best at the end of those tried, are others in the fit?

    Where each was tried at one: is it the same at all sizes, without a parametrization under which it transfers?
    Source: Porian et al. 2024, arXiv 2406.19146, section 3.
    """
    runs = subject.runs
    rates = columns.need(runs, "peak_lr")
    configuration = columns.configurations(runs)
    tried = [np.flatnonzero(configuration == c) for c in np.unique(configuration)]
    swept = [rows for rows in tried if len(np.unique(rates[rows])) > 1]
    if swept:
        yield from _edges(runs, rates, swept)
        yield from _not_best(runs, rates, swept)
    else:
        yield from _untuned(runs, rates)


def _best(runs: RunTable, rates: Floats, rows: Rows) -> tuple[Floats, int]:
    """The rates tried and the index of the one with the least mean loss."""
    distinct = np.unique(rates[rows])
    means = [float(runs.loss[rows][rates[rows] == rate].mean()) for rate in distinct]
    return distinct, int(np.argmin(means))


def _edges(runs: RunTable, rates: Floats, swept: list[Rows]) -> Iterator[Finding]:
    at_edge = []
    for rows in swept:
        distinct, best = _best(runs, rates, rows)
        if best in (0, len(distinct) - 1):
            at_edge.append(rows[rates[rows] == distinct[best]])
    if at_edge:
        rows = np.concatenate(at_edge)
        shown = ", ".join(f"{rates[r[0]]:.3g} at N = {runs.n_params[r[0]]:.3g}" for r in at_edge[:3])
        message = f"the best learning rate is the last one tried in {len(at_edge)} of {len(swept)} sweeps: {shown}"
        marked = np.isin(np.arange(len(runs)), rows)
        yield Finding("W_LR_EDGE", "warning", message, run_ids(runs, marked), "more learning rates beyond that end")


def _not_best(runs: RunTable, rates: Floats, swept: list[Rows]) -> Iterator[Finding]:
    worse = np.zeros(len(runs), dtype=bool)
    for rows in swept:
        distinct, best = _best(runs, rates, rows)
        worse[rows[rates[rows] != distinct[best]]] = True
    message = f"{int(worse.sum())} runs have a learning rate that another of the same N and D beats, and are in the fit"
    yield Finding("W_LR_NOT_BEST", "warning", message, run_ids(runs, worse), "--exclude")


def _untuned(runs: RunTable, rates: Floats) -> Iterator[Finding]:
    scheme = columns.labels(runs, "parametrization")
    transfers = scheme is not None and all(any(word in s.lower() for word in TRANSFERS) for s in scheme.tolist())
    span = float(runs.n_params.max() / runs.n_params.min())
    if len(np.unique(rates)) == 1 and span > SPAN and not transfers:
        message = f"one learning rate, {rates[0]:.3g}, serves sizes that span {span:.3g}x; none was tuned"
        yield Finding("W_LR_UNTUNED", "warning", message, knob="tune it at the smallest and the largest N, or use muP")


KIND = Check(
    "learning_rate",
    (11,),
    "The learning rate was not tuned at every size, or the best is at the end of those tried.",
    "a column lr",
    detect,
)
