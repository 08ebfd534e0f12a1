"""Trap 23: runs chosen by their outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import Check, Subject, percent, run_ids
from scalelaw.results import Finding

_OUTCOME = re.compile(r"\b(loss|residual\w*|outlier\w*|diverged?|divergence|nan|spike\w*|fail\w*|crash\w*)\b", re.I)
_FINISHED = ("finished", "completed", "complete", "done", "success", "succeeded")


def detect(subject: Subject) -> Iterator[Finding]:
    """Exclusions whose reason is the outcome of the run (its loss, a divergence), and diverged runs still in the table.

    A rule on N, D or C made before training selects nothing; a rule on the loss moves the curve towards what it keeps.
    """
    runs = subject.runs
    chosen = [item for item in runs.excluded if _OUTCOME.search(item.reason)]
    if chosen:
        total = len(runs) + len(runs.excluded)
        counted = Counter(item.reason for item in chosen)
        reasons = ", ".join(f"{count} by {reason!r}" for reason, count in counted.items())
        message = (
            f"{len(chosen)} of {total} runs ({percent(len(chosen) / total)}) were left out by outcome: {reasons}; "
            "report the fit with them too, and state the rule before the next sweep"
        )
        yield Finding("W_SELECTED", "warning", message, tuple(item.run_id for item in chosen), "--exclude")
    status = columns.labels(runs, "status")
    unfinished = np.zeros(len(runs), dtype=bool)
    if status is not None:
        unfinished = np.array([label.lower() not in _FINISHED for label in status.tolist()])
    if unfinished.any():
        message = f"{int(unfinished.sum())} of {len(runs)} runs are not finished, by their status, and are in the fit"
        yield Finding(
            "W_UNFINISHED", "warning", message, run_ids(runs, unfinished), "--exclude \"status != 'finished'\""
        )


KIND = Check(
    "selection",
    (23,),
    "Runs were left out by their outcome, or unfinished ones kept.",
    "runs, with exclusions on record",
    detect,
)
