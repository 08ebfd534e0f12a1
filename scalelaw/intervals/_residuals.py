"""Noise for bootstraps that keep the design: residuals, corrected for leverage, put back in another order."""

from __future__ import annotations

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, is_grouped
from scalelaw.laws.base import Floats

WEBB = np.sqrt([0.5, 1.0, 1.5])
"""Webb's six points, with both signs: Webb 2023, Canadian Journal of Economics 56, eq. 8."""


def exchanged(fit: Fit, replicates: int, rng: np.random.Generator) -> Floats | str:
    """Log residuals over sqrt(1 - leverage), centred and drawn with replacement, `[replicates, n]`, or why not."""
    if is_grouped(fit):
        return "residuals of rows that share a group cannot change places; the jackknife and wild_cluster take groups"
    corrected = Linear.of(fit).corrected
    if not np.isfinite(corrected).all():
        return "one run alone determines some part of the law, so its residual says nothing of the noise"
    return rng.choice(corrected - corrected.mean(), (replicates, len(corrected)))


def flipped(fit: Fit, replicates: int, rng: np.random.Generator) -> Floats | str:
    """Each group's corrected residuals times one of Webb's points, `[replicates, n]`, or why not."""
    linear = Linear.of(fit)
    if not np.isfinite(linear.corrected).all():
        return "one group alone determines some part of the law, so how groups differ cannot be had"
    factors = rng.choice(np.concatenate([WEBB, -WEBB]), (replicates, len(linear.rows)))
    noise = np.empty((replicates, len(linear.corrected)))
    for g, rows in enumerate(linear.rows):
        noise[:, rows] = factors[:, g, None] * linear.corrected[rows]
    return noise
