"""The law of repeated data: tokens seen again, and parameters beyond what the data feed, are worth less."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scalelaw.laws._jet_law import JetLaw, Scaling, coefficients
from scalelaw.laws._jets import Jet, expm1, log, maximum, minimum
from scalelaw.laws._jets import exp as e_to
from scalelaw.laws.base import Floats, Param


class DataConstrained(JetLaw):
    """L(N, D, U) = E + A / N'^alpha + B / D'^beta for U unique tokens, column `unique_tokens`.

        D' = U_D + U_D R_D* (1 - e^(-R_D / R_D*)),   U_D = min(D, U),   R_D = D / U_D - 1: the repetitions
        N' = U_N + U_N R_N* (1 - e^(-R_N / R_N*)),   U_N = min(N, N(U)),   R_N = N / U_N - 1
        N(U) = (U G)^(beta/alpha) G,   G = (alpha A / (beta B))^(1/(alpha + beta)): the size U tokens are optimal for

    With U >= D and N <= N(U) it is Chinchilla's law.

    Source: Muennighoff et al. 2023, arXiv 2305.16264, and their code for N(U).
    """

    name = "data_constrained"
    formula = "L = E + A / N'^alpha + B / D'^beta, x' = U + U R* (1 - e^(-R/R*)) for R repeats of U"
    source = "Muennighoff et al. 2023, arXiv 2305.16264"
    inputs = ("n_params", "n_tokens", "unique_tokens")
    params = (
        Param("E", "nats/token", "irreducible loss: what remains when every input is infinite"),
        Param("A", "nats/token x n_params^alpha", "size of the n_params term"),
        Param("alpha", "", "how fast the n_params term falls", high=5.0),
        Param("B", "nats/token x n_tokens^beta", "size of the n_tokens term"),
        Param("beta", "", "how fast the n_tokens term falls", high=5.0),
        Param("R_D", "repetitions", "R_D*: after so many a repeated token keeps 1/e of its worth", start=(1.0, 50.0)),
        Param("R_N", "repetitions", "R_N*: the same for parameters in excess of N(U)", start=(1.0, 50.0)),
    )
    identifiability = (
        "R_D needs runs of four or more epochs, R_N runs with more parameters than their unique tokens are optimal "
        "for; E, A, B and the exponents need runs of one epoch."
    )
    plain = frozenset({"E", "alpha", "beta"})
    scaled: Mapping[str, tuple[Scaling, ...]] = {
        "A": ((-1.0, "alpha", "n_params"),),
        "B": ((-1.0, "beta", "n_tokens"),),
    }

    @property
    def continuous(self) -> tuple[str, ...]:
        """N and D; the unique tokens may have been the same for every run."""
        return ("n_params", "n_tokens")

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The formula of the class."""
        N, D, U = x["n_params"], x["n_tokens"], x["unique_tokens"]
        A, alpha, B, beta = p["A"], p["alpha"], p["B"], p["beta"]
        log_G = (log(alpha) + log(A) - log(beta) - log(B)) / (alpha + beta)
        U_N = minimum(N, e_to((log(U) + log_G) * beta / alpha + log_G))
        return p["E"] + A / _worth(N, U_N, p["R_N"]) ** alpha + B / _worth(D, minimum(D, U), p["R_D"]) ** beta

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """First guesses of the exponents and of R; E, A and B then as if the data were unique."""
        drawn = super().draw(z, loss, count, rng)
        (N, D, U), p = self._split(z)[0].T, dict(zip(self.names, drawn.T, strict=True))
        D = np.minimum(D, U * (1.0 + p["R_D"][:, None]))
        basis = np.stack([np.ones_like(D), N ** -p["alpha"][:, None], D ** -p["beta"][:, None]], axis=2)
        signed = np.zeros(3, dtype=bool)
        for member, columns in zip(drawn, basis / loss[:, None], strict=True):
            member[[0, 1, 3]] = coefficients(columns, np.ones(len(loss)), signed)
        return drawn


def _worth(x: Jet, unique: Jet, R: Jet) -> Jet:
    """x tokens (or parameters) of which `unique` are distinct, counted in distinct ones."""
    repeats = maximum(x / unique - 1.0, Jet(np.zeros(())))
    return unique - unique * R * expm1(-repeats / R)


KIND = DataConstrained()
