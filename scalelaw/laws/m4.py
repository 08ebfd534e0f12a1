"""M4 of Alabdulmohsin et al.: from the loss of a random guess down to the irreducible loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from scalelaw.laws._jet_law import JetLaw
from scalelaw.laws._jets import Jet, log, sigmoid, softplus
from scalelaw.laws._variable import OfOneVariable
from scalelaw.laws.base import Floats, Param

ITERATIONS = 60
"""Newton steps at most; about ten are ever needed."""


class M4(OfOneVariable, JetLaw):
    """(L - E) / (E_0 - L)^alpha = beta / x^c: sigmoid in ln x, with E_0 the loss of a random guess.

    L = E + (E_0 - E) sigma(t) with t the root of

        g(t) = ln sigma(t) - alpha ln sigma(-t) = ln beta - c ln x - (1 - alpha) ln(E_0 - E)

    g rises and bends one way only (convex for alpha > 1, concave below), so Newton's method from the crossing of its
    asymptotes, min or max of t and alpha t, walks to the root without overshooting. Two more Newton steps on jets make
    the root's first and second derivatives exact.

    Source: Alabdulmohsin et al. 2022, arXiv 2209.06640, M4, whose c has the other sign; E and E_0 are their
    epsilon_inf and epsilon_0.
    """

    name = "m4"
    source = "Alabdulmohsin et al. 2022, arXiv 2209.06640, M4"
    identifiability = (
        "E_0 is the loss of a random guess, ln(vocabulary) for a language model: hold it fixed there unless runs come "
        "close to it, and read alpha with it."
    )
    plain = frozenset({"E", "c"})

    def __init__(self, x: str = "n_tokens") -> None:
        self.inputs = (x,)
        self.formula = f"(L - E) / (E_0 - L)^alpha = beta / {x}^c"
        self.params = (
            Param("E", "nats/token", "irreducible loss: what remains as the variable grows without limit"),
            Param("beta", f"(nats/token)^(1-alpha) x {x}^c", "size of the reducible loss"),
            Param("c", "", "exponent: how fast the reducible loss falls", high=5.0),
            Param("alpha", "", "how the curve leaves the random level", low=1e-3, high=20.0, start=(0.05, 2.0)),
            Param("E_0", "nats/token", "loss of a random guess"),
        )
        self.scaled = {"beta": ((-1.0, "c", x),)}

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """L from the root t; NaN where E_0 is not above E."""
        alpha, span = p["alpha"], p["E_0"] - p["E"]
        level = log(p["beta"]) - p["c"] * log(x[self.inputs[0]]) - (1.0 - alpha) * log(span)
        t = Jet(_root(level.value, alpha.value))
        for _ in range(2 if level.gradient else 0):
            rise = sigmoid(-t) + alpha * sigmoid(t)
            t = t - (alpha * softplus(t) - softplus(-t) - level) / rise
        return p["E"] + span * sigmoid(t)

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """E below and E_0 above the losses, the exponents from their ranges, beta through the median."""
        drawn = super().draw(z, loss, count, rng)
        middle = np.median(loss)
        drawn[:, 0] = rng.uniform(0.0, 0.999, count) * loss.min()
        drawn[:, 4] = loss.max() * (1.0 + np.exp(rng.uniform(np.log(0.003), np.log(3.0), count)))
        ratio = np.log(middle - drawn[:, 0]) - drawn[:, 3] * np.log(drawn[:, 4] - middle)
        drawn[:, 1] = np.exp(ratio + drawn[:, 2] * np.log(np.median(z[:, 0])))
        return drawn


def _root(level: Floats, alpha: Floats) -> Floats:
    """t with alpha ln(1 + e^t) - ln(1 + e^-t) = level."""
    t = np.where(level < 0, level, level / alpha)
    for _ in range(ITERATIONS):
        step = (alpha * np.logaddexp(0.0, t) - np.logaddexp(0.0, -t) - level) / (expit(-t) + alpha * expit(t))
        t = t - step
        if not np.any(np.abs(step) > 1e-15 * (1.0 + np.abs(t))):
            break
    return np.asarray(t)


KIND = M4()
