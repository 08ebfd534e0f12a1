"""Trap 10: a warm-up that takes much of a short run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import CannotLook, Check, Subject, percent, run_ids
from scalelaw.laws.base import Floats
from scalelaw.results import Finding
from scalelaw.runs import RunTable

SHARE = 0.1


def detect(subject: Subject) -> Iterator[Finding]:
    """The share of each run's tokens that its warm-up takes; above 10 % the small models are held back.

    Source: Porian et al. 2024, arXiv 2406.19146, section 3: a warm-up of fixed length is too long for small models.
    """
    runs = subject.runs
    share = _share(runs)
    long = share > SHARE
    if long.any():
        sizes = runs.n_params[long]
        message = (
            f"the warm-up takes more than {percent(SHARE)} of {int(long.sum())} of {len(runs)} runs, up to "
            f"{percent(float(np.nanmax(share)))}, N from {sizes.min():.3g} to {sizes.max():.3g}"
        )
        yield Finding("W_WARMUP", "warning", message, run_ids(runs, long), f"--exclude, column {_source(runs)}")


def _share(runs: RunTable) -> Floats:
    share = columns.numbers(runs, "warmup_share")
    if share is not None:
        return share
    tokens = columns.numbers(runs, "warmup_tokens")
    if tokens is not None:
        return tokens / runs.n_tokens
    steps = columns.numbers(runs, "warmup_steps")
    if steps is None:
        wanted = columns.usual("warmup_steps", "warmup_tokens", "warmup_share")
        raise CannotLook(f"the table has no warm-up column: log one of {wanted}")
    total = columns.numbers(runs, "total_steps")
    return steps / (columns.need(runs, "steps") if total is None else total)


def _source(runs: RunTable) -> str:
    found = [columns.column(runs, name) for name in ("warmup_share", "warmup_tokens", "warmup_steps")]
    return next(item[0] for item in found if item is not None)


KIND = Check(
    "warmup",
    (10,),
    "The warm-up takes more than a tenth of a run.",
    "a column warmup_steps (with steps), warmup_tokens or warmup_share",
    detect,
)
