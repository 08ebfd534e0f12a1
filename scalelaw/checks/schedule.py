"""Trap 12: a schedule that does not end with the run, and checkpoints taken for final runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import CannotLook, Check, Subject, percent, run_ids
from scalelaw.results import Finding
from scalelaw.runs import RunTable

DECAYED = 0.1
"""A learning rate that ends above this share of its peak has not decayed (Hoffmann et al. 2022 end at 0.1)."""
UNDECAYED = ("constant", "none", "flat")
SLACK = 1.001
"""For shares that are 0.1 but for rounding."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Final over peak learning rate; schedules that never decay; runs that stop early; rows of one run at several D.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, section 2, on Kaplan's fixed schedule.
    """
    runs = subject.runs
    parts = [_undecayed(runs), _constant(runs), _stopped(runs), _checkpoints(runs)]
    if all(part is None for part in parts):
        raise CannotLook(f"the table has none of {columns.usual('final_lr', 'schedule', 'total_steps')}")
    for part in parts:
        if part:
            yield part


def _undecayed(runs: RunTable) -> Finding | tuple[()] | None:
    final, peak = columns.numbers(runs, "final_lr"), columns.numbers(runs, "peak_lr")
    if final is None or peak is None:
        return None
    high = final / peak > DECAYED * SLACK
    if not high.any():
        return ()
    worst = percent(float(np.nanmax(final / peak)))
    message = (
        f"the learning rate of {int(high.sum())} of {len(runs)} runs ends above a tenth of its peak, up to {worst}"
    )
    return Finding("W_NOT_DECAYED", "warning", message, run_ids(runs, high), "--exclude, column final_lr")


def _constant(runs: RunTable) -> Finding | tuple[()] | None:
    found = columns.labels(runs, "schedule")
    if found is None:
        return None
    flat = np.array([label.lower() in UNDECAYED for label in found.tolist()])
    if not flat.any():
        return ()
    message = f"{int(flat.sum())} of {len(runs)} runs have a schedule that never decays"
    return Finding("W_CONSTANT_SCHEDULE", "warning", message, run_ids(runs, flat), "--exclude, column schedule")


def _stopped(runs: RunTable) -> Finding | tuple[()] | None:
    steps, planned = columns.numbers(runs, "steps"), columns.numbers(runs, "total_steps")
    if steps is None or planned is None:
        return None
    early = steps * SLACK < planned
    if not early.any():
        return ()
    least = percent(float(np.nanmin(steps / planned)))
    message = f"{int(early.sum())} of {len(runs)} rows lie before the end of their schedule, the first at {least} of it"
    return Finding("W_MID_RUN", "warning", message, run_ids(runs, early), "--exclude")


def _checkpoints(runs: RunTable) -> Finding | tuple[()] | None:
    """Rows of one run at several D. A table with one row a run does not say whether it is the last."""
    last = dict[str, float]()
    for name, tokens in zip(runs.run_id, runs.n_tokens, strict=True):
        last[name] = max(last.get(name, 0.0), float(tokens))
    if len(last) == len(runs):
        return None
    before = runs.n_tokens < np.array([last[name] for name in runs.run_id])
    if not before.any():
        return ()
    message = (
        f"{int(before.sum())} of {len(runs)} rows are checkpoints from within {len(last)} runs, fitted as final ones"
    )
    return Finding("W_CHECKPOINTS", "warning", message, run_ids(runs, before), "--exclude")


KIND = Check(
    "schedule",
    (12,),
    "The learning rate had not decayed where the loss was read, or checkpoints are taken for final runs.",
    "a column final_lr (with lr), schedule or total_steps (with steps), or several rows of one run",
    detect,
)
