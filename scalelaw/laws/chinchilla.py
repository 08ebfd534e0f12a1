"""The Chinchilla law of parameters and tokens."""

from __future__ import annotations

from scalelaw.laws._optimum import two_power_optimum
from scalelaw.laws._power_sum import Power, PowerSum
from scalelaw.laws.base import Floats


class Chinchilla(PowerSum):
    """L(N, D) = E + A / N^alpha + B / D^beta.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, eq. 2; its compute-optimal allocation is eq. 4.
    """

    def __init__(self) -> None:
        super().__init__(
            "chinchilla",
            "L = E + A / N^alpha + B / D^beta",
            "Hoffmann et al. 2022, arXiv 2203.15556, eq. 2",
            (Power("n_params", "A", "alpha"), Power("n_tokens", "B", "beta")),
        )

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """N = G (C/6)^(beta/(alpha+beta)), D = (C/6)/N, G = (alpha A / (beta B))^(1/(alpha+beta)) (eq. 4)."""
        _, A, alpha, B, beta = natural.T
        return two_power_optimum(A, alpha, B, beta, flops)


KIND = Chinchilla()
