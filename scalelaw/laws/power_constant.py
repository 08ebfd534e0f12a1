"""The power law plus constant of one variable."""

from __future__ import annotations

from scalelaw.errors import UsageError
from scalelaw.laws._power_sum import Power, PowerSum

VARIABLES = ("flops", "n_params", "n_tokens", "n_params_non_embedding")


class PowerConstant(PowerSum):
    """L(x) = E + A x^-alpha for x the compute, the parameters or the tokens.

    Source: Henighan et al. 2020, arXiv 2010.14701, eq. 1.1, L = L_inf + (x0/x)^alpha with A = x0^alpha.
    """

    def __init__(self, x: str = "flops") -> None:
        if x not in VARIABLES:
            raise UsageError(f"power_constant is a law of one of {', '.join(VARIABLES)}; found {x!r}.")
        super().__init__(
            "power_constant",
            f"L = E + A {x}^-alpha",
            "Henighan et al. 2020, arXiv 2010.14701, eq. 1.1",
            (Power(x, "A", "alpha"),),
        )

    @property
    def label(self) -> str:
        """`power_constant(x)`."""
        return f"{self.name}({self.inputs[0]})"

    def over(self, x: str) -> PowerConstant:
        """The same law of another variable."""
        return PowerConstant(x)


KIND = PowerConstant()
