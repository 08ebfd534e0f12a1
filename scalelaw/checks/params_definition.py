"""Trap 9: an exponent that depends on whether embeddings are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from scalelaw.checks.base import CannotLook, Check, Subject, percent
from scalelaw.errors import DataError
from scalelaw.fitting import fit
from scalelaw.results import Finding

CHANGE = 0.1
"""Share by which an exponent may depend on the definition of N."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Fit with all parameters and with the non-embedding ones: an exponent may change by 10 %, no more.

    Source: Pearce & Song 2024, arXiv 2406.12907, and Porian et al. 2024, arXiv 2406.19146: with small models this
    choice alone explains most of the distance between Kaplan's and Hoffmann's allocation.
    """
    runs = subject.runs
    if "n_params" not in subject.law.inputs:
        raise CannotLook(f"{subject.law.label} does not depend on N")
    other = runs.n_params_non_embedding
    if not (np.isfinite(other) & (other > 0)).all() or np.array_equal(other, runs.n_params):
        raise CannotLook("the table counts N one way; log both n_params and n_params_non_embedding")
    one = subject.fitted
    try:
        two = fit(one.law, replace(runs, n_params=np.array(other)), one.objective, seed=one.seed)
    except DataError as refusal:
        raise CannotLook(f"no fit with non-embedding N: {refusal.problem}") from None
    exponents = [param.name for param in one.law.params if not param.unit]
    moved = [name for name in exponents if abs(two.value(name) / max(one.value(name), 1e-12) - 1) > CHANGE]
    if moved:
        changes = ", ".join(
            f"{name} {one.value(name):.3g} -> {two.value(name):.3g} ({percent(two.value(name) / one.value(name) - 1)})"
            for name in moved
        )
        share = percent(float((1 - other / runs.n_params).max()))
        message = f"counting N without embeddings (up to {share} of it) changes {changes}: state which N a plan means"
        yield Finding("W_N_DEFINITION", "warning", message, knob="--params-convention")


KIND = Check(
    "params_definition",
    (9,),
    "An exponent depends on whether N counts embeddings.",
    "a fit, and both n_params and n_params_non_embedding",
    detect,
)
