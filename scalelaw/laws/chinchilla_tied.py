"""The Chinchilla law with one exponent for parameters and tokens."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._optimum import two_power_optimum
from scalelaw.laws.base import Floats, Param


class ChinchillaTied(FormulaLaw):
    """L(N, D) = E + A / N^alpha + B / D^alpha: N and D grow in proportion along the optimum.

    Source: Muennighoff et al. 2023, arXiv 2305.16264, who fit the law of Hoffmann et al. 2022 so.
    """

    def __init__(self) -> None:
        super().__init__(
            "E + A / N^alpha + B / D^alpha",
            (
                Param("E", "nats/token", "irreducible loss: what remains when every input is infinite"),
                Param("A", "nats/token x n_params^alpha", "size of the n_params term"),
                Param("alpha", "", "how fast both terms fall", high=5.0),
                Param("B", "nats/token x n_tokens^alpha", "size of the n_tokens term"),
            ),
            name="chinchilla_tied",
            source="Muennighoff et al. 2023, arXiv 2305.16264",
            identifiability="Says D/N is the same at every budget; the runs are not asked whether it is.",
        )

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """Chinchilla's with beta = alpha: N = sqrt(C/6) (A/B)^(1/(2 alpha))."""
        _, A, alpha, B = natural.T
        return two_power_optimum(A, alpha, B, alpha, flops)


KIND = ChinchillaTied()
