"""Transformer shapes from a table's columns, and the counts of parameters that follow from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import CannotLook
from scalelaw.counting import TransformerShape
from scalelaw.laws.base import Floats
from scalelaw.runs import RunTable

FF_FACTOR = 4
"""F = 4 d where no column says otherwise."""


def shapes(runs: RunTable) -> list[TransformerShape]:
    """The shape of every run; without a vocabulary or context theirs are 0 and only counts that need neither mean much.

    Raises `CannotLook` without width and depth.
    """
    width, depth = columns.need(runs, "width"), columns.need(runs, "depth")
    ff, vocab, context = (columns.numbers(runs, name) for name in ("ff_width", "vocab", "seq_len"))
    ff = FF_FACTOR * width if ff is None else ff
    zero = np.zeros(len(runs))
    table = np.stack([depth, width, ff, zero if vocab is None else vocab, zero if context is None else context])
    if not np.isfinite(table).all():
        raise CannotLook("the columns of the architecture have blanks")
    return [TransformerShape(L, d, F, V, T) for L, d, F, V, T in table.T.astype(int).tolist()]


def counts(found: list[TransformerShape], with_vocab: bool) -> dict[str, Floats]:
    """N of every shape by each way of counting, those with embeddings where the vocabulary is known."""
    ways = {
        "non-embedding": [shape.params_non_embedding() for shape in found],
        "12 L d^2": [shape.params_kaplan() for shape in found],
        "non-embedding with a gated feed-forward": [replace(s, gated=True).params_non_embedding() for s in found],
    }
    if with_vocab:
        for tied in (False, True):
            for learned in (False, True):
                name = f"all, read-out {'tied' if tied else 'untied'}, {'learned' if learned else 'no'} positions"
                ways[name] = [replace(shape, tied=tied, learned_positions=learned).params_all() for shape in found]
        ways["non-embedding and read-out"] = [s.params_non_embedding() + s.vocab * s.width for s in found]
    return {name: np.array(values, dtype=float) for name, values in ways.items()}
