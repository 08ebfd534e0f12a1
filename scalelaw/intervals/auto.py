"""The default: the method that simulation found to hold its level for runs like these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, is_grouped
from scalelaw.intervals.base import Method, Uncertainty
from scalelaw.intervals.jackknife import KIND as JACKKNIFE
from scalelaw.intervals.sandwich import KIND as SANDWICH
from scalelaw.intervals.wald import KIND as WALD

FEW = 20
"""Independent runs from which the sandwich holds its level as well as Wald does."""


@dataclass(frozen=True)
class Auto(Method):
    """The sandwich; below 20 independent runs Wald; for objectives with a narrow quadratic zone the jackknife.

    The choice is read off the measured coverage (`coverage.csv`, `measured.py`): the sandwich needs neither even noise
    nor independence within groups and holds its level in nearly every cell; of few independent runs, of which it asks
    too much, Wald's intervals are narrower and hold theirs.
    """

    name = "auto"
    description = "picks by measured coverage (mostly the sandwich) and says which and why"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """The chosen method's answer, its sentence extended by the reason."""
        kind, why = choose(fit)
        made: Any = kind.prepare(fit, replicates=replicates, seed=seed, workers=workers)
        chosen: Uncertainty = replace(made, method=f"{made.method}; chosen because {why}")
        return chosen


def choose(fit: Fit) -> tuple[Method, str]:
    """The method for a fit, and why."""
    if Linear.of(fit).narrow:
        return JACKKNIFE, f"the noise is wide for the quadratic zone of {fit.objective.label}"
    if is_grouped(fit):
        return SANDWICH, "rows share groups"
    if len(fit.runs) < FEW:
        return WALD, f"runs are independent and fewer than {FEW}"
    return SANDWICH, "its measured coverage holds for even and uneven noise"


KIND = Auto()
