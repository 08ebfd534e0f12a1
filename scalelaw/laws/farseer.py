"""Farseer: a law whose token exponent changes with the size of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scalelaw.laws._jet_law import JetLaw, Scaling, spread
from scalelaw.laws._jets import Jet, exp, expm1, log, where
from scalelaw.laws._optimum import numeric_optimum
from scalelaw.laws.base import Floats, Param

SMALL = 1e-2
"""Below this the series of (e^y - 1) / y is used; its terms past the sixth power are under 1e-17."""


class Farseer(JetLaw):
    """L(N, D) = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^-k(N), k(N) = exp(a1 N^alpha + b1).

    Each of the three curves a N^q + b is fitted through its value v and its slope w at the centre of the data, with n
    the centred log of N,

        a N^q + b = v + w n phi(q n),   phi(y) = (e^y - 1) / y

    which stays well conditioned where q is small and a and b would run away from one another. The second is fitted with
    the token term's value at the centre of the data too: v2 is ln of that term where N and D are at their centres.

    Source: Li et al. 2025, arXiv 2506.10972 (Farseer).
    """

    name = "farseer"
    formula = "L = e^(a3 N^gamma + b3) + e^(a2 N^beta + b2) D^-k(N), k(N) = e^(a1 N^alpha + b1)"
    source = "Li et al. 2025, arXiv 2506.10972"
    inputs = ("n_params", "n_tokens")
    params = tuple(
        Param(name, "", meaning, low=-np.inf)
        for name, meaning in (
            ("a1", "size of the change of the token exponent with N"),
            ("b1", "log of the token exponent, less that change"),
            ("alpha", "exponent of that change"),
            ("a2", "size of the change of the token term with N"),
            ("b2", "log of the token term at D = 1, less that change"),
            ("beta", "exponent of that change"),
            ("a3", "size of the change with N of the loss at infinite data"),
            ("b3", "log of the loss at infinite data, less that change"),
            ("gamma", "exponent of that change"),
        )
    )
    identifiability = (
        "Nine parameters, sloppy: within each triple (a, b, exponent) many values give the same curve, so judge the "
        "law by its predictions. It needs five or more sizes, each over a decade of tokens."
    )
    plain = frozenset(param.name for param in params)
    scaled: Mapping[str, tuple[Scaling, ...]] = {}

    def centre(self, inputs: Floats) -> Floats:
        """The mean logs of N and D."""
        return np.asarray(np.log(inputs).mean(axis=0))

    def model(self, theta: Sequence[Jet], z: Floats) -> Jet:
        """L from the values, slopes and exponents at the centre."""
        inputs, centre = self._split(z)
        n, d = np.log(inputs.T) - centre[:, None]
        log_k, log_term, log_rest = (_about_centre(theta[i], theta[i + 1], theta[i + 2], n) for i in (0, 3, 6))
        away = exp(log_k) * (d + centre[1]) - exp(theta[0]) * centre[1]
        return exp(log_rest) + exp(log_term - away)

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The formula in its natural parameters."""
        N, D = x["n_params"], x["n_tokens"]
        k = exp(p["a1"] * N ** p["alpha"] + p["b1"])
        return exp(p["a3"] * N ** p["gamma"] + p["b3"]) + exp(p["a2"] * N ** p["beta"] + p["b2"] - k * log(D))

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """a = w e^(-q c) / q and b = v - w / q, with c the centre of ln N; b2 without the token term's centre."""
        natural = theta.copy()
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for i in (0, 3, 6):
                v, w, q = theta[:, i : i + 3].T
                natural[:, i], natural[:, i + 1] = w * np.exp(-q * centre[0]) / q, v - w / q
        natural[:, 4] += np.exp(theta[:, 0]) * centre[1]
        return natural

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        theta = natural.copy()
        for i in (0, 3, 6):
            a, b, q = natural[:, i : i + 3].T
            at_centre = a * np.exp(q * centre[0])
            theta[:, i], theta[:, i + 1] = b + at_centre, q * at_centre
        theta[:, 3] -= np.exp(theta[:, 0]) * centre[1]
        return theta

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """Exponents between -3 and 3, the token exponent at the centre between 1e-3 and 5."""
        low, high = np.full(9, -np.inf), np.full(9, np.inf)
        low[2::3], high[2::3] = -3.0, 3.0
        low[0], high[0] = np.log(1e-3), np.log(5.0)
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """A share of the least loss at infinite data, the rest in the token term; gentle slopes of either sign."""
        theta = np.empty((count, 9))
        theta[:, 0] = np.log(spread(0.1, 0.8, count, rng))
        rest = rng.uniform(0.2, 0.98, count) * loss.min()
        theta[:, 3] = np.log(np.median(loss) - rest)
        theta[:, 6] = np.log(rest)
        theta[:, 1::3] = rng.uniform([-0.1, -0.8, -0.2], [0.3, 0.3, 0.02], (count, 3))
        theta[:, 2::3] = rng.uniform(-0.4, 0.4, (count, 3))
        return theta

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """Found numerically."""
        return numeric_optimum(self, natural, flops)


def _about_centre(v: Jet, w: Jet, q: Jet, n: Floats) -> Jet:
    return v + w * n * _phi(q * n)


def _phi(y: Jet) -> Jet:
    """(e^y - 1) / y, by its series where y is small."""
    small = np.abs(y.value) < SMALL
    safe = where(small, Jet(np.ones(())), y)
    series = Jet(np.zeros(()))
    for k in range(8, 0, -1):
        series = (series * y + 1.0) / k
    return where(small, series, expm1(safe) / safe)


KIND = Farseer()
