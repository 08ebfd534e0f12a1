"""The residual bootstrap, percentile: offered for comparison with literature, since it covers too little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._refit import redrawn
from scalelaw.intervals._residuals import exchanged
from scalelaw.intervals.base import Method, Refused, Uncertainty
from scalelaw.intervals.draws import Draws


@dataclass(frozen=True)
class Residual(Method):
    """Refit to predicted losses with the fit's own residuals in another order.

    Source: Efron & Tibshirani 1993, section 9.4.
    """

    name = "residual"
    description = "residual bootstrap, percentile, for comparison: covers too little when runs are few"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """As many refits as replicates."""
        method = f"residual bootstrap, percentile, {replicates} replicates, seed {seed}"
        noise = exchanged(fit, replicates, np.random.default_rng([seed, 4]))
        if isinstance(noise, str):
            return Refused(fit, method, noise)
        return Draws(fit, fit.law.natural(redrawn(fit, noise)[0], fit.centre), method, seed)


KIND = Residual()
