"""The law of training in few bits: low precision acts like fewer parameters."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Param

PARTS = ("weight", "activation", "kv")
"""What is quantised, each with its column of bits, such as `weight_bits`."""


class Precision(FormulaLaw):
    """L = E + A / N_eff^alpha + B / D^beta, N_eff = N prod_x (1 - e^(-P_x / gamma_x)).

    x runs over the weights, the activations and the key-value cache; P_x is the precision each was trained in, in bits:
    columns `weight_bits`, `activation_bits` and `kv_bits`. The loss that quantising after training adds is not part of
    this law.

    Source: Kumar et al. 2024, arXiv 2411.04330 (training in low precision).
    """

    def __init__(self) -> None:
        kept = " * ".join(f"(-expm1(-column({part}_bits) / gamma_{part}))" for part in PARTS)
        super().__init__(
            f"E + A / N^alpha / ({kept})^alpha + B / D^beta",
            (
                Param("E", "nats/token", "irreducible loss: what remains when every input is infinite"),
                Param("A", "nats/token x n_params^alpha", "size of the n_params term"),
                Param("alpha", "", "how fast the n_params term falls", high=5.0),
                Param("B", "nats/token x n_tokens^beta", "size of the n_tokens term"),
                Param("beta", "", "how fast the n_tokens term falls", high=5.0),
                *(
                    Param(
                        f"gamma_{part}",
                        "bits",
                        f"bits in which the {part}s lose 1/e of the parameters",
                        high=100.0,
                        start=(0.3, 6.0),
                    )
                    for part in PARTS
                ),
            ),
            name="precision",
            source="Kumar et al. 2024, arXiv 2411.04330",
            shown="E + A / N_eff^alpha + B / D^beta, N_eff = N prod_x (1 - e^(-P_x / gamma_x))",
            identifiability=(
                "Each gamma needs runs whose bits for that part go down to about gamma, where the loss rises; bits of "
                "12 and more say nothing about it. Vary the three parts independently."
            ),
        )

    @property
    def continuous(self) -> tuple[str, ...]:
        """N and D; bits take few values."""
        return ("n_params", "n_tokens")


KIND = Precision()
