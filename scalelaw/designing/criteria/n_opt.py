"""N_opt-optimality: know the best size at the targets."""

from __future__ import annotations

from dataclasses import dataclass

from scalelaw.designing.aims import Aims
from scalelaw.designing.criteria.base import LogTrace
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class NOpt(LogTrace):
    """The variance of ln N_opt averaged over the targets: ln sum_t c'Vc."""

    name = "n_opt"
    description = "variance of the log of the compute-optimal size at the targets"

    def matrix(self, aims: Aims) -> Floats:
        """cc' summed over the targets."""
        return aims.of_size


KIND = NOpt()
