"""Decision-optimality: lose the least by acting on the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.designing.aims import Aims
from scalelaw.designing.criteria.base import LogTrace
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class Decision(LogTrace):
    """The expected regret of training the N_opt that the design finds: ln E[sum_t (h/2) c'Vc], h as in `Aims`.

    The regret is in shares of the loss. It is an expectation over draws, so draws in which a mistake is dear count for
    more.
    """

    name = "decision"
    description = "expected excess loss at the targets from training a wrong N_opt"

    def matrix(self, aims: Aims) -> Floats:
        """(h/2) cc' summed over the targets."""
        return aims.of_regret

    def average(self, traces: Floats) -> Floats:
        """The logarithm of the mean over draws."""
        return np.asarray(np.log(np.maximum(traces.mean(axis=0), np.finfo(float).tiny)))


KIND = Decision()
