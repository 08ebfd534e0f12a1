"""What a value may be: which are refused, and which are only worth a word."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scalelaw.readers.base import Cells, Mask, lines_text
from scalelaw.readers.parsing import Refusal
from scalelaw.runs import QUANTITIES, Floats, Note, RunTable

HIGHEST = {"n_params": 1e18, "n_params_non_embedding": 1e18, "n_tokens": 1e18, "flops": 1e36}
"""Beyond these a count is a mistake: a thousand times the largest runs of 2025, or more."""
LOWEST = {"loss": 1e-9, **dict.fromkeys(HIGHEST, 1e-12)}
"""Below these a number is a mistake: no corpus is so certain, and no unit of a count is so large."""
GUESSING_LOSS = math.log(50_257)
"""10.82 nats: the loss of guessing one of GPT-2's 50,257 tokens. A trained model above it has diverged."""

SUMMED_LOSS = 100.0
"""Nats per token that even diverged runs hardly reach; a loss summed over a batch does."""

SIZES = ("n_params", "n_tokens", "flops")


def refuse_values(quantity: str, column: str, values: Floats, raw: Sequence[Any]) -> list[Refusal]:
    """Numbers that cannot be: not positive, or beyond all plausibility. NaN, a missing cell, is left alone."""
    low, high = LOWEST.get(quantity, 0.0), HIGHEST.get(quantity, math.inf)
    wrong = np.flatnonzero((values <= 0) | (values < low) | (values > high)).tolist()
    return [_refusal(quantity, column, i, float(values[i]), str(raw[i])) for i in wrong]


def _refusal(quantity: str, column: str, row: int, value: float, shown: str) -> Refusal:
    if value > 0:
        low = LOWEST.get(quantity, 0.0)
        bound = f"below {low:g}" if value < low else f"beyond {HIGHEST[quantity]:g}"
        problem = f"{column} is {bound} {QUANTITIES[quantity]}, which no run has"
        return Refusal(row, "E_IMPLAUSIBLE", column, shown, problem, "check the unit of the cell")
    wrapped = quantity in HIGHEST and -(2.0**31) <= value < 0 and value.is_integer()
    hint = f" (int32 overflow? it would be {value + 2**32:.0f})" if wrapped else ""
    return Refusal(row, "E_NOT_POSITIVE", column, shown, f"{column} must be positive{hint}")


def refuse_missing(
    cells: Cells, columns: Mapping[str, str], values: Mapping[str, Floats], refused: Mask
) -> list[Refusal]:
    """Missing cells that nothing stands in for: of N, D and C the third follows from two. `refused` rows are known."""
    known = sum((~np.isnan(values[name])).astype(int) for name in SIZES if name in values)
    refusals: list[Refusal] = []
    for quantity in ("loss", "weight", *SIZES):
        if quantity not in values:
            continue
        missing = np.isnan(values[quantity]) & ~refused
        if quantity in SIZES:
            missing &= np.asarray(known) < 2
        column = columns[quantity]
        rows: list[int] = np.flatnonzero(missing).tolist()
        found = [str(cells.columns[column][row] or "") for row in rows]
        refusals += [
            Refusal(row, "E_MISSING_VALUE", column, text, f"{column} is missing", "fill the cell")
            for row, text in zip(rows, found, strict=True)
        ]
    return refusals


def notice_values(table: RunTable, logged: set[str]) -> tuple[Note, ...]:
    """Values that are read and deserve a word: a diverged loss, half a parameter, tokens in billions.

    `logged` holds the quantities that were not derived.
    """
    notes = [_diverged(table), _few_tokens(table), _fractions(table, logged)]
    return tuple(note for note in notes if note is not None)


def _diverged(table: RunTable) -> Note | None:
    """Runs that end above the loss of guessing; the first checkpoints of a run are there by right."""
    if not (table.loss > GUESSING_LOSS).any():
        return None
    last = {table.run_id[row]: row for row in np.argsort(table.n_tokens, kind="stable")}
    high = sorted(row for row in last.values() if table.loss[row] > GUESSING_LOSS)
    if not high:
        return None
    lines, names = tuple(table.line[high].tolist()), ", ".join(table.run_id[i] for i in high[:5])
    guess = "a sum over the batch?" if table.loss[high].min() > SUMMED_LOSS else "diverged?"
    sentence = f"{lines_text(lines)} ({names}): the loss exceeds ln 50,257 = 10.82, that of guessing; {guess}"
    return Note("W_DIVERGED", sentence, lines)


def _fractions(table: RunTable, logged: set[str]) -> Note | None:
    """Counts with a fraction. The slack is for suffixes: 20.123457M x 1e6 need not be whole to the last bit."""
    for quantity in ("n_params", "n_tokens"):
        values = getattr(table, quantity)
        broken = np.flatnonzero(np.abs(values - np.round(values)) > 1e-3)
        if quantity in logged and len(broken):
            lines = tuple(table.line[broken].tolist())
            sentence = f"{lines_text(lines)}: {quantity} is not a whole number in {len(broken)} of {len(table)} runs"
            return Note("W_NOT_INTEGER", sentence, lines)
    return None


def _few_tokens(table: RunTable) -> Note | None:
    """Fewer than one token for a thousand parameters: the two are hardly in the same unit."""
    ratios = table.n_tokens / table.n_params
    ratio = float(np.median(ratios[np.isfinite(ratios)])) if np.isfinite(ratios).any() else 1.0
    if ratio >= 1e-3:
        return None
    mantissa, exponent = f"{ratio:.0e}".split("e")
    sentence = f"n_tokens: D/N = {mantissa}e{int(exponent)} in the median run; is D in millions or billions?"
    return Note("W_UNIT", sentence)
