"""D-optimality: know the parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.designing.aims import Aims
from scalelaw.designing.criteria.base import Criterion, OneMore
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class Determinant(Criterion):
    """The volume of the parameters' confidence ellipsoid, (1/p) ln det V, averaged over draws; it knows no targets.

    Source: Atkinson, Donev & Tobias 2007, Optimum Experimental Designs, section 10.2.
    """

    name = "determinant"
    description = "D-optimal: volume of the parameters' confidence region"

    def value(self, V: Floats, aims: Aims) -> float:
        """The mean of ln det V / p."""
        return float(np.linalg.slogdet(V)[1].mean() / V.shape[-1])

    def after(self, more: OneMore, aims: Aims) -> Floats:
        """det(V - Vxx'V / q) = det V / q."""
        return np.asarray(self.value(more.V, aims) - np.log(more.shrinkage).mean(axis=0) / more.V.shape[-1])


KIND = Determinant()
