"""Trap 16: seeds or checkpoints taken for independent runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import Check, Subject, run_ids
from scalelaw.errors import DataError
from scalelaw.fitting import Fit
from scalelaw.results import Finding
from scalelaw.runs import RunTable

LEVEL = 1e-3
"""Level of the test for likeness of residuals, over what fits of clean sweeps show."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Rows of one configuration, or of one run id, in different groups; and residuals that models of one size share.

    Intervals resample groups: rows that share noise but not a group make them too narrow. The last test is the F ratio
    of residuals between sizes to within them; its intraclass correlation is (F - 1) / (F - 1 + rows a size).
    """
    runs = subject.runs
    pairs = columns.configurations(runs)
    ids = np.unique(np.array(runs.run_id), return_inverse=True)[1]
    same = _across_groups(runs, pairs) | _across_groups(runs, ids)
    if same.any():
        count = len(np.unique(pairs[same]))
        message = (
            f"{int(same.sum())} of {len(runs)} rows repeat {count} configurations, or a run, in groups of their own"
        )
        yield Finding("W_NOT_INDEPENDENT", "warning", message, run_ids(runs, same), "--group")
    elif not isinstance(subject.outcome, DataError):
        yield from _alike(subject.outcome)


def _across_groups(runs: RunTable, key: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Rows whose key is found in more than one group."""
    group = np.unique(np.array(runs.group), return_inverse=True)[1]
    pairs = np.unique(np.stack([key, group]), axis=1)
    return np.asarray((np.bincount(pairs[0], minlength=key.max() + 1) > 1)[key])


def _alike(fit: Fit) -> Iterator[Finding]:
    from scipy.special import fdtrc

    if "n_params" not in fit.law.inputs:
        return
    runs, p = fit.runs, len(fit.law.names)
    sizes, size = np.unique(runs.n_params, return_inverse=True)
    count = np.bincount(size)
    k, within = len(sizes), len(runs) - len(sizes)
    if k < 4 or within < p + 4 or len(runs.groups) <= k:
        return
    limit = 5 * 1.4826 * np.median(np.abs(fit.residuals))
    r = np.clip(fit.residuals, -limit, limit)  # one outlier is no likeness
    mean = np.bincount(size, r) / count
    between = float((count * (mean - r.mean()) ** 2).sum() / (k - 1))
    scatter = float(((r - mean[size]) ** 2).sum() / max(within - p / 2, 1))
    if scatter > 0 and fdtrc(k - 1, within - p / 2, between / scatter) < LEVEL:
        ratio = between / scatter
        alike = (ratio - 1) / (ratio - 1 + count.mean())
        message = (
            f"residuals of runs of one N are alike (intraclass correlation {alike:.2f} over {k} sizes): "
            "they are checkpoints of one run, or the law misses a trend in N; intervals over single rows are too narrow"
        )
        yield Finding("W_ALIKE", "warning", message, knob="--group")


KIND = Check(
    "independence",
    (16,),
    "Seeds or checkpoints are taken for independent runs.",
    "N and D, and a fit for the likeness of residuals",
    detect,
)
