"""M3 of Alabdulmohsin et al.: a power law that levels off at large x."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scalelaw.laws._jet_law import JetLaw, spread
from scalelaw.laws._jets import Jet
from scalelaw.laws._variable import OfOneVariable
from scalelaw.laws.base import Floats, Param


class M3(OfOneVariable, JetLaw):
    """L(x) = beta (1/x + gamma)^c: a power law up to x about 1/gamma, then the constant beta gamma^c.

    Source: Alabdulmohsin et al. 2022, arXiv 2209.06640, M3, whose c has the other sign.
    """

    name = "m3"
    source = "Alabdulmohsin et al. 2022, arXiv 2209.06640, M3"
    identifiability = "gamma is known only where the curve is seen to level off, at x near 1/gamma."

    def __init__(self, x: str = "n_tokens") -> None:
        self.inputs = (x,)
        self.formula = f"L = beta (1/{x} + gamma)^c"
        self.params = (
            Param("beta", f"nats/token x {x}^c", f"loss at {x} = 1, up to gamma"),
            Param("gamma", f"1/{x}", "inverse of where the curve levels off"),
            Param("c", "", "exponent: how fast the loss falls before that", high=5.0),
        )
        self.plain = frozenset({"c"})
        self.scaled = {"beta": ((-1.0, "c", x),)}

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The formula."""
        return p["beta"] * (1.0 / x[self.inputs[0]] + p["gamma"]) ** p["c"]

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """First guesses; 1/gamma from inside the range of the runs to far beyond it."""
        drawn = super().draw(z, loss, count, rng)
        drawn[:, 1] = spread(1e-3 / z[:, 0].max(), 1.0 / z[:, 0].min(), count, rng)
        return drawn


KIND = M3()
