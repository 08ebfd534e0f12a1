"""The joint power law: Chinchilla's two terms under one more exponent."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._optimum import two_power_optimum
from scalelaw.laws.base import Floats, Param


class KPower(FormulaLaw):
    """L(N, D) = E + (A / N^alpha + B / D^beta)^k; k = 1 is Chinchilla's law, and 1 = beta Kaplan's over a constant.

    Since the bracket decides, the compute-optimal allocation is Chinchilla's for (A, alpha, B, beta), whatever k.

    Source: Brandfonbrener et al. 2024, arXiv 2411.12925, with A^(alpha/beta), alpha/beta and 1 in place of
    A, alpha and beta; with both exponents free it is the law that its authors call Skaling, 2026.
    """

    def __init__(self) -> None:
        super().__init__(
            "E + (A / N^alpha + B / D^beta)^k",
            (
                Param("E", "nats/token", "irreducible loss: what remains when every input is infinite"),
                Param("A", "(nats/token)^(1/k) x n_params^alpha", "size of the n_params term"),
                Param("alpha", "", "how fast the n_params term falls inside the bracket", high=10.0, start=(0.1, 2.0)),
                Param("B", "(nats/token)^(1/k) x n_tokens^beta", "size of the n_tokens term"),
                Param("beta", "", "how fast the n_tokens term falls inside the bracket", high=10.0, start=(0.1, 2.0)),
                Param("k", "", "how sharply the larger term takes over", low=0.01, high=10.0, start=(0.2, 2.0)),
            ),
            name="k_power",
            source="Brandfonbrener et al. 2024, arXiv 2411.12925",
            identifiability=(
                "k shows only where both terms matter: vary D at fixed N over a decade or more, or (alpha, beta, k) "
                "are known only by their products alpha k and beta k."
            ),
        )

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """Chinchilla's closed form for the bracket."""
        _, A, alpha, B, beta, _ = natural.T
        return two_power_optimum(A, alpha, B, beta, flops)


KIND = KPower()
