"""Trap 17: token counts that the run's own steps, epochs or compute contradict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import CannotLook, Check, Subject, run_ids
from scalelaw.laws.base import Floats
from scalelaw.results import Finding
from scalelaw.runs import RunTable

TOLERANCE = 0.02
"""Steps are whole and the last batch may be short."""
WRAPS = (2.0**31, 2.0**32)
"""What a 32-bit counter of tokens loses when it wraps, signed or not."""


def detect(subject: Subject) -> Iterator[Finding]:
    """D against steps x batch x context, against unique tokens and epochs, against C / 6 N, and along each run."""
    runs = subject.runs
    columns.known(runs, "n_tokens")
    parts = [_steps(runs), _repeated(runs), _compute(runs), _resets(runs)]
    if all(part is None for part in parts):
        wanted = f"{columns.usual('steps', 'batch_size', 'seq_len')}, or {columns.usual('batch_tokens')}"
        raise CannotLook(
            f"nothing to hold D against: log {wanted}, {columns.usual('epochs', 'unique_tokens')} or FLOPs"
        )
    for part in parts:
        if part:
            yield part


def _steps(runs: RunTable) -> Finding | tuple[()] | None:
    steps, batch = columns.numbers(runs, "steps"), columns.numbers(runs, "batch_tokens")
    sequences, length = columns.numbers(runs, "batch_size"), columns.numbers(runs, "seq_len")
    if steps is None or (batch is None and sequences is None):
        return None
    if batch is None and sequences is not None:
        in_tokens = length is None or bool((np.abs(steps * sequences / runs.n_tokens - 1) < TOLERANCE).mean() > 0.5)
        batch = sequences if in_tokens or length is None else sequences * length
        if length is None and not in_tokens:
            return None
    return _against(runs, steps * np.asarray(batch), "steps x batch")


def _compute(runs: RunTable) -> Finding | tuple[()] | None:
    """C as logged over 6 N: a wrapped counter shows as D short by whole wraps."""
    if runs.conventions.flops != "given" or not np.isfinite(runs.flops).all():
        return None
    expected = runs.flops / (6.0 * runs.n_params)
    wrapped = _wraps(expected, runs.n_tokens) > 0
    return _against(runs, np.where(wrapped, expected, runs.n_tokens), "C / 6 N")


def _against(runs: RunTable, expected: Floats, what: str) -> Finding | tuple[()]:
    ratio = runs.n_tokens / expected
    off = np.abs(ratio - 1) > TOLERANCE
    if not off.any():
        return ()
    low, high = float(np.nanmin(ratio[off])), float(np.nanmax(ratio[off]))
    wrapped = (_wraps(expected, runs.n_tokens) > 0) & off
    message = f"n_tokens of {int(off.sum())} of {len(runs)} runs is {low:.3g} to {high:.3g} times {what}"
    if wrapped.any():
        message += f"; in {int(wrapped.sum())} of them a 32-bit counter has wrapped"
    return Finding("W_TOKENS", "warning", message, run_ids(runs, off), "--n-tokens")


def _wraps(expected: Floats, counted: Floats) -> Floats:
    """How often a 32-bit counter wrapped between the two counts; 0 where the gap is no whole number of wraps."""
    wraps = np.zeros(len(expected))
    for size in WRAPS:
        times = np.round((expected - counted) / size)
        exact = np.abs(expected - counted - times * size) < TOLERANCE * expected
        wraps = np.where((times > 0) & exact & (counted < size), times, wraps)
    return wraps


def _repeated(runs: RunTable) -> Finding | tuple[()] | None:
    epochs, unique = columns.numbers(runs, "epochs"), columns.numbers(runs, "unique_tokens")
    if epochs is None and unique is None:
        return None
    # 0 unique tokens is how a sweep says that none is met twice
    times = epochs if unique is None else runs.n_tokens / np.where(unique > 0, unique, np.inf)
    repeated = np.asarray(times) > 1 + TOLERANCE
    if not repeated.any():
        return ()
    message = (
        f"{int(repeated.sum())} of {len(runs)} runs see tokens more than once, up to "
        f"{float(np.nanmax(np.asarray(times))):.3g} times: D counts repeats as if they were new"
    )
    return Finding("W_EPOCHS", "warning", message, run_ids(runs, repeated), "--exclude")


def _resets(runs: RunTable) -> Finding | tuple[()] | None:
    """Rows of one run in order of steps must see more and more tokens."""
    steps = columns.numbers(runs, "steps")
    if steps is None or len(set(runs.run_id)) == len(runs):
        return None
    ids = np.unique(np.array(runs.run_id), return_inverse=True)[1]
    order = np.lexsort((steps, ids))
    falls = (np.diff(ids[order]) == 0) & (np.diff(runs.n_tokens[order]) < 0)
    if not falls.any():
        return ()
    marked = np.isin(np.arange(len(runs)), order[1:][falls])
    message = f"n_tokens falls along {len(run_ids(runs, marked))} runs as their steps rise: a counter was reset"
    return Finding("W_TOKENS_FALL", "warning", message, run_ids(runs, marked), "--n-tokens")


KIND = Check(
    "token_counts",
    (17,),
    "D contradicts steps x batch, counts repeated tokens as new, falls along a run or has wrapped.",
    "columns steps and batch_size (with context), epochs or unique_tokens, or FLOPs beside N and D",
    detect,
)
