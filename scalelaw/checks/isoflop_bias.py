"""Trap 14: the bias of IsoFLOP parabolas, which no noise explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from scalelaw.checks._isoflop import budgets, vertex
from scalelaw.checks.base import CannotLook, Check, Subject
from scalelaw.errors import UsageError
from scalelaw.results import Finding

BEYOND = 100.0
"""Where the parabolas' optimum is compared with the law's: this many times the largest budget."""
FACTOR = 1.15
"""Error of the optimal size that parabolas may make there."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Parabolas through the law's own noise-free losses at these very N and D, against the law's optimum.

    N_opt of each budget is the vertex of its parabola, and a power of C through them is continued to 100 times the
    largest budget. The difference is the method's bias for this design, which the surface fit does not have.
    Source: arXiv 2603.22339.
    """
    fit, runs = subject.fitted, subject.runs
    sweeps = budgets(runs)
    if len(sweeps) < 2:
        raise CannotLook("one IsoFLOP budget only")
    exact = replace(runs, loss=fit.law.predict(fit.natural[None], fit.law.read(runs))[0])
    best = np.array([vertex(exact.n_params[b.rows], exact.loss[b.rows]) for b in sweeps])
    log_C = np.log([b.flops for b in sweeps])
    kept = np.isfinite(best)
    if kept.sum() < 2:
        raise CannotLook("the law has no minimum within these budgets (see the check isoflop_edge)")
    slope, level = np.polyfit(log_C[kept] - log_C[-1], best[kept], 1)
    try:
        truth, there = (np.log(fit.law.optimum(fit.natural[None], m * sweeps[-1].flops)[0][0]) for m in (1.0, BEYOND))
    except UsageError as error:
        raise CannotLook(str(error)) from None
    factor = float(np.exp(level + slope * np.log(BEYOND) - there))
    if not 1 / FACTOR < factor < FACTOR:
        exponent = float((there - truth) / np.log(BEYOND))
        message = (
            f"parabolas through noise-free losses at these runs give N_opt ~ C^{slope:.3f} where the law has "
            f"C^{exponent:.3f}, and at {BEYOND:g} times the largest budget {factor:.3g} times its N_opt"
        )
        yield Finding("W_ISOFLOP_BIAS", "warning", message, knob="the surface fit, --law chinchilla")


KIND = Check(
    "isoflop_bias",
    (14,),
    "Parabolas through these IsoFLOP sweeps are biased even without noise.",
    "a fit with an optimum, and IsoFLOP sweeps: five sizes or more at each of two budgets",
    detect,
)
