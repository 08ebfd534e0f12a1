"""M2 of Alabdulmohsin et al.: the power law over a constant."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._variable import OfOneVariable, reading
from scalelaw.laws.base import Param


class M2(OfOneVariable, FormulaLaw):
    """L(x) = E + beta / x^c: `power_constant` in the letters of its paper, whose c has the other sign.

    Source: Alabdulmohsin et al. 2022, arXiv 2209.06640, M2; E is their epsilon_inf.
    """

    def __init__(self, x: str = "n_tokens") -> None:
        FormulaLaw.__init__(
            self,
            f"E + beta / {reading(x)}^c",
            (
                Param("E", "nats/token", "irreducible loss: what remains as the variable grows without limit"),
                Param("beta", f"nats/token x {x}^c", f"reducible loss at {x} = 1"),
                Param("c", "", "exponent: how fast the reducible loss falls", high=5.0),
            ),
            name="m2",
            source="Alabdulmohsin et al. 2022, arXiv 2209.06640, M2",
        )


KIND = M2()
