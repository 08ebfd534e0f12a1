"""Trap 13: a parameter count that the architecture does not bear out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks._shapes import counts, shapes
from scalelaw.checks.base import CannotLook, Check, Subject, percent, run_ids
from scalelaw.laws.base import Floats
from scalelaw.results import Finding

TOLERANCE = 0.03
"""Biases, norms and padded vocabularies stay within this share of a count."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Recompute N from width, depth and vocabulary in every usual way; one way should fit all rows to 3 %.

    Source: Table A9 of Hoffmann et al. 2022 differs from its own architectures by up to 15.2 % (arXiv 2509.23963).
    """
    runs = subject.runs
    columns.known(runs, "n_params")
    found, with_vocab = shapes(runs), columns.numbers(runs, "vocab") is not None
    ways = counts(found, with_vocab)
    looked = {"n_params": runs.n_params} if with_vocab or runs.conventions.params != "all" else {}
    if np.isfinite(runs.n_params_non_embedding).all():
        looked["n_params_non_embedding"] = runs.n_params_non_embedding
    if not looked:
        raise CannotLook(f"N with embeddings needs the vocabulary: log {columns.usual('vocab')}")
    for name, logged in looked.items():
        way, off = _closest(logged, ways)
        wrong = np.abs(off) > TOLERANCE
        if wrong.any():
            worst = percent(float(off[np.argmax(np.abs(off))]))
            message = (
                f"{name} of {int(wrong.sum())} of {len(runs)} runs does not follow from the architecture: off by up to "
                f"{worst} from the closest count, {way}"
            )
            knob = "--n-params, columns width, depth, vocab, ff_width"
            yield Finding("W_N_AMBIGUOUS", "warning", message, run_ids(runs, wrong), knob)


def _closest(logged: Floats, ways: dict[str, Floats]) -> tuple[str, Floats]:
    """The way of counting that most rows follow, and how far each row is from it as a share."""
    off = {way: logged / count - 1 for way, count in ways.items()}
    way = max(off, key=lambda name: (int((np.abs(off[name]) <= TOLERANCE).sum()), -float(np.median(np.abs(off[name])))))
    return way, off[way]


KIND = Check(
    "architecture",
    (13,),
    "N does not follow from the architecture, or is counted in more than one way.",
    "columns width and depth, with vocab for N with embeddings",
    detect,
)
