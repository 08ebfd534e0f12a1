"""Trap 22: a downstream metric where a loss is expected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks.base import Check, Subject
from scalelaw.laws.base import Floats
from scalelaw.results import Finding


def detect(subject: Subject) -> Iterator[Finding]:
    """Values within [0, 1], as accuracies and error rates are, or that rise with compute, as no loss does.

    Source: Lourie et al. 2025: 39 % of downstream tasks scale predictably.
    """
    values = np.asarray(subject.runs.column(subject.law.response), dtype=float)
    if _rises(subject.runs.flops, values):
        message = "the fitted values rise with compute, which no loss does: an accuracy?"
        yield Finding("E_RISES", "error", message, knob="--loss")
    elif bool((values <= 1).all()):
        message = (
            f"all fitted values lie between 0 and 1 ({values.min():.3g} to {values.max():.3g}), as error rates do: "
            "a downstream metric need not follow a power law"
        )
        yield Finding("W_METRIC", "warning", message, knob="scalelaw backtest first; --loss")


def _rises(flops: Floats, values: Floats) -> bool:
    """Whether the rank correlation with compute exceeds a half."""
    known = np.isfinite(flops) & np.isfinite(values)
    if known.sum() < 5 or np.ptp(values[known]) == 0 or np.ptp(flops[known]) == 0:
        return False
    ranks = [np.unique(column[known], return_inverse=True)[1] for column in (flops, values)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) > 0.5


KIND = Check(
    "metric",
    (22,),
    "A downstream metric is fitted as a loss.",
    "runs",
    detect,
)
