"""The default: know the loss and N_opt, neither at the other's expense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.designing.aims import Aims
from scalelaw.designing.criteria.base import Criterion, OneMore
from scalelaw.designing.criteria.loss import Loss
from scalelaw.designing.criteria.n_opt import NOpt
from scalelaw.laws.base import Floats

LOSS, N_OPT = Loss(), NOpt()


@dataclass(frozen=True)
class Compound(Criterion):
    """The geometric mean of two efficiencies, that for the loss and that for N_opt.

    An efficiency is the best variance over a design's; the best is a constant, so that maximising the product of the
    two is minimising (1/2) ln sum_t g'Vg + (1/2) ln sum_t c'Vc.

    Source: Atkinson, Donev & Tobias 2007, Optimum Experimental Designs, section 21.2.
    """

    name = "compound"
    description = "geometric mean of the efficiencies for the loss and for N_opt (the default)"

    def value(self, V: Floats, aims: Aims) -> float:
        """The mean of the two."""
        return 0.5 * (LOSS.value(V, aims) + N_OPT.value(V, aims))

    def after(self, more: OneMore, aims: Aims) -> Floats:
        """The same after each candidate."""
        return np.asarray(0.5 * (LOSS.after(more, aims) + N_OPT.after(more, aims)))


KIND = Compound()
