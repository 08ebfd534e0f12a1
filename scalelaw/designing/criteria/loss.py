"""I-optimality: know the loss at the targets."""

from __future__ import annotations

from dataclasses import dataclass

from scalelaw.designing.aims import Aims
from scalelaw.designing.criteria.base import LogTrace
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class Loss(LogTrace):
    """The variance of ln L averaged over the targets (I- or V-optimality): ln sum_t g'Vg.

    It alone can leave N_opt worse known than a grid would.

    Source: Atkinson, Donev & Tobias 2007, Optimum Experimental Designs, section 10.6.
    """

    name = "loss"
    description = "I-optimal: variance of the log loss at the targets"

    def matrix(self, aims: Aims) -> Floats:
        """gg' summed over the targets."""
        return aims.of_loss


KIND = Loss()
