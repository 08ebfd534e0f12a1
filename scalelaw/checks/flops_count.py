"""Trap 19: 6 N D as the compute of models too small for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks._shapes import shapes
from scalelaw.checks.base import CannotLook, Check, Subject, percent, run_ids
from scalelaw.laws.base import Floats
from scalelaw.results import Finding
from scalelaw.runs import RunTable

SHARE = 0.1


def detect(subject: Subject) -> Iterator[Finding]:
    """Exact FLOPs beside 6 N D: where they differ by more than 10 %, and by how much that drifts with N.

    Exact FLOPs are those logged, where the table counts so, or 6 (matrix parameters + V d) + 12 L d T a token from the
    shape. Source: Porian et al. 2024, arXiv 2406.19146, section 3; Kaplan et al. 2020, arXiv 2001.08361, Table 1.
    """
    runs = subject.runs
    columns.known(runs, "n_params", "n_tokens")
    ratio = _exact(runs) / (6.0 * runs.n_params * runs.n_tokens)
    off = np.abs(ratio - 1) > SHARE
    if off.any():
        order = np.argsort(runs.n_params, kind="stable")
        small, large = ratio[order[0]], ratio[order[-1]]
        message = (
            f"6 N D is more than {percent(SHARE)} off the exact FLOPs in {int(off.sum())} of {len(runs)} runs: "
            f"exact / 6 N D is {small:.3g} at the smallest N and {large:.3g} at the largest"
        )
        yield Finding("W_6ND", "warning", message, run_ids(runs, off), "--flops-convention exact")


def _exact(runs: RunTable) -> Floats:
    if runs.conventions.flops == "exact" and np.isfinite(runs.flops).all():
        return runs.flops
    if any(columns.numbers(runs, name) is None for name in ("vocab", "seq_len")):
        wanted = columns.usual("width", "depth", "vocab", "seq_len")
        raise CannotLook(f"exact FLOPs need {wanted}, or a table read with --flops-convention exact")
    return np.array([shape.flops_per_token_exact() for shape in shapes(runs)]) * runs.n_tokens


KIND = Check(
    "flops_count",
    (19,),
    "6 N D is not the compute of these models: attention and read-out are a large part of small ones.",
    "columns width, depth, vocab and context, or exact FLOPs",
    detect,
)
