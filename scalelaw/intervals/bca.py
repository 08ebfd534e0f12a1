"""The bootstrap's percentiles, corrected for bias and skew (BCa)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import members
from scalelaw.intervals._refit import reweighted
from scalelaw.intervals.base import Ends, Method
from scalelaw.intervals.bootstrap import bootstrap
from scalelaw.intervals.draws import Draws
from scalelaw.intervals.jackknife import leave_out
from scalelaw.intervals.targets import Target
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class BcaDraws(Draws):
    """Replicates, and the fits without each group, `without[G, p]`.

    The percentiles taken are Phi(z0 + (z0 + z) / (1 - a (z0 + z))), z the normal quantile of each tail, z0 the normal
    quantile of the share of replicates below the estimate, and a = sum d^3 / (6 (sum d^2)^(3/2)) with d the mean of the
    leave-one-out values minus each.

    Source: Efron 1987, Journal of the American Statistical Association 82, eq. 2.3; Efron & Tibshirani 1993, ch. 14.
    """

    without: Floats = field(kw_only=True)

    def _ends(self, target: Target, level: float) -> Ends | str:
        values = self.values(target)
        with np.errstate(all="ignore"):
            left = target.evaluate(self.fit, self.without)
        lost, lost_left = (int((~np.isfinite(v)).sum()) for v in (values, left))
        if lost or lost_left:
            return (
                f"{lost} of {len(values)} replicates and {lost_left} of {len(left)} jackknife fits have no such value"
            )
        below = float((values < self.estimate(target)).mean())
        if not 0 < below < 1:
            return "every replicate lies on one side of the estimate"
        d = left.mean() - left
        spread = float((d**2).sum())
        a = float((d**3).sum()) / (6.0 * spread**1.5) if spread > 0 else 0.0
        z0 = ndtri(below)
        z = z0 + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
        low, high = np.quantile(values, ndtr(z0 + z / (1 - a * z)))
        return Ends(float(low), float(high))


@dataclass(frozen=True)
class Bca(Method):
    """`bootstrap`, then one refit without each run or group."""

    name = "bca"
    description = "pairs bootstrap with percentiles corrected for bias and skew"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Draws:
        """As many refits as replicates and groups."""
        draws = bootstrap(fit, replicates, seed=seed, workers=workers)
        method = draws.method.replace("percentile", "BCa")
        return BcaDraws(fit, draws.natural, method, seed, without=reweighted(fit, leave_out(fit, members(fit))))


KIND = Bca()
