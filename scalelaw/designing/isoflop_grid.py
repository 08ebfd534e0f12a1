"""The reference: the IsoFLOP grid that most would run for the same money."""

from __future__ import annotations

import numpy as np

from scalelaw.designing.base import Layout
from scalelaw.fitting import Fit

BUDGETS, STEP = 3, 10**0.5
"""Compute budgets, and the factor between them."""
SIZES, SPREAD = 5, 4.0
"""Sizes at each budget, evenly in the log from 1/SPREAD to SPREAD times the best."""


def isoflop_grid(fit: Fit, cost: float, largest: float) -> Layout:
    """Three budgets by five sizes, from a quarter of the fit's N_opt to four times it, at a cost in all of `cost` FLOP.

    Its largest budget is `largest` FLOP or, where 15 runs would then cost too much, what `cost` affords. Where they
    would cost less, every point is repeated, not a whole number of times: that stands for a grid of as many more runs.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, section 3.2, has nine budgets; the ranges are theirs.
    """
    shares = STEP ** -np.arange(BUDGETS, dtype=float)
    top = min(largest, cost / (SIZES * shares.sum()))
    flops = np.repeat(top * shares[::-1], SIZES)
    best = np.repeat([float(fit.law.optimum(fit.natural[None], C)[0][0]) for C in top * shares[::-1]], SIZES)
    n_params = best * np.tile(np.geomspace(1.0 / SPREAD, SPREAD, SIZES), BUDGETS)
    repeats = np.full(BUDGETS * SIZES, cost / flops.sum())
    return Layout(n_params, flops / 6.0 / n_params, repeats)
