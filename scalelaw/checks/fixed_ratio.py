"""Trap 8: D/N hardly varies, so that the terms of N and D cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import CannotLook, Check, Subject
from scalelaw.errors import DataError
from scalelaw.fitting import fit
from scalelaw.identifiability import MAX_CONDITION
from scalelaw.results import Finding
from scalelaw.runs import RunTable

WARNING = 20.0
"""Condition number of the centred logs of N and D beyond which their terms are hardly told apart: D/N within some
+-20 % while N spans two decades."""


def detect(subject: Subject) -> Iterator[Finding]:
    """The condition number of (ln N, ln D), centred and scaled: sqrt((1 + |r|) / (1 - |r|)), r their correlation.

    Where it is too large, the law of one variable that these runs do know, L(C), is fitted and shown.
    """
    runs = subject.runs
    if not {"n_params", "n_tokens"} <= set(subject.law.inputs):
        return
    columns.known(runs, "n_params", "n_tokens")
    logs = np.log(np.stack([runs.n_params, runs.n_tokens]))
    if min(len(np.unique(row)) for row in logs) < 3:
        raise CannotLook("there are fewer than three values of N or of D (see the check identified)")
    z = logs - logs.mean(axis=1, keepdims=True)
    condition = float(np.linalg.cond((z / np.linalg.norm(z, axis=1, keepdims=True)).T))
    if condition < WARNING:
        return
    ratio = np.exp(logs[1] - logs[0])
    spread = f"D/N lies between {ratio.min():.3g} and {ratio.max():.3g} (condition number {condition:.2g})"
    if condition > MAX_CONDITION:
        separate = ", ".join(subject.law.names)
        message = f"{spread}: {separate} are not identified separately by any number of such runs; {_of_compute(runs)}"
        yield Finding("E_FIXED_RATIO", "error", message, knob="--law 'power_constant(flops)'")
    else:
        message = f"{spread}: the terms of N and D are hardly told apart; {_of_compute(runs)}"
        yield Finding("W_FIXED_RATIO", "warning", message, knob="--law 'power_constant(flops)'")


def _of_compute(runs: RunTable) -> str:
    """What the runs do know: their loss as a function of compute at that ratio."""
    try:
        alone = fit("power_constant(flops)", runs)
    except DataError as refusal:
        return f"nor can L(C) be fitted: {refusal.problem}"
    constants = ", ".join(f"{name} = {value:.4g}" for name, value in alone.estimate.items())
    return f"what they know is L(C) at that ratio: {alone.law.formula} with {constants}"


KIND = Check(
    "fixed_ratio",
    (8,),
    "D/N hardly varies: the terms of N and D cannot be told apart.",
    "N and D",
    detect,
)
