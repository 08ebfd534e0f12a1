"""Landscapes of known laws, and a fit with little noise, for plans to be made from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scalelaw.fitting import Fit, fit
from scalelaw.laws import get_law
from scalelaw.planning.landscape import Landscape
from tests.conftest import simulated
from tests.truths import TRUTH

HOFFMANN = {"E": 1.69, "A": 406.4, "alpha": 0.336, "B": 410.7, "beta": 0.283}
"""Chinchilla's law with the exponents that Sardana et al. 2023, arXiv 2401.00448, read off its fit."""
MUENNIGHOFF = {
    "E": float(np.exp(0.6254804)),
    "A": float(np.exp(6.255414)),
    "alpha": 0.3526596,
    "B": float(np.exp(7.3049974)),
    "beta": 0.3526596,
    "R_D": 15.387756,
    "R_N": 5.309743,
}
"""Muennighoff et al. 2023, arXiv 2305.16264."""
FIT: Fit = fit("chinchilla", simulated(80))


def landscape(
    law: str, values: Mapping[str, float] | None = None, held: Mapping[str, float | str] | None = None
) -> Landscape:
    """A law at parameters by name, by default those that the tests of laws call true."""
    found = get_law(law)
    named = TRUTH[law] if values is None else values
    return Landscape(found, np.array([named[name] for name in found.names]), held or {})
