"""The wild cluster bootstrap: each group's residuals flipped and stretched together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._covariance import symmetric
from scalelaw.intervals._linear import is_grouped, student
from scalelaw.intervals._refit import redrawn
from scalelaw.intervals._residuals import flipped
from scalelaw.intervals.base import Ends, Method, Refused, Uncertainty
from scalelaw.intervals.draws import Draws
from scalelaw.intervals.targets import Target, forward


class WildDraws(Draws):
    """Draws whose intervals are estimate -+ t(G - 1) times their standard deviation, on the target's own scale."""

    def _ends(self, target: Target, level: float) -> Ends | str:
        with np.errstate(all="ignore"):
            values = forward(target, self.values(target))
        lost = int((~np.isfinite(values)).sum())
        if lost > (1.0 - level) / 2 * len(values):
            return f"{lost / len(values):.0%} of {len(values)} replicates have no such value"
        error = float(np.std(values[np.isfinite(values)], ddof=1))
        return symmetric(self.fit, target, student(level, len(self.fit.runs.groups) - 1) * error)


@dataclass(frozen=True)
class WildCluster(Method):
    """Refit to predicted losses times exp(f_g r_g): r_g the log residuals of group g, corrected for its leverage by
    (I - H_gg)^(-1/2), and f_g one of Webb's six points.

    Source: Cameron, Gelbach & Miller 2008, Review of Economics and Statistics 90; Webb 2023.
    """

    name = "wild_cluster"
    description = "wild bootstrap over groups (Webb's weights, leverage-corrected), t(G - 1)"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """As many refits as replicates."""
        G, unit = len(fit.runs.groups), "groups" if is_grouped(fit) else "runs"
        method = f"wild bootstrap over {G} {unit}, Webb's weights, t({G - 1}), {replicates} replicates, seed {seed}"
        noise = flipped(fit, replicates, np.random.default_rng([seed, 5]))
        if isinstance(noise, str):
            return Refused(fit, method, noise)
        return WildDraws(fit, fit.law.natural(redrawn(fit, noise)[0], fit.centre), method, seed)


KIND = WildCluster()
