"""M1 of Alabdulmohsin et al.: the power law."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._variable import OfOneVariable, reading
from scalelaw.laws.base import Param


class M1(OfOneVariable, FormulaLaw):
    """L(x) = beta / x^c: `power_law` in the letters of its paper, whose c has the other sign.

    Source: Alabdulmohsin et al. 2022, arXiv 2209.06640, M1.
    """

    def __init__(self, x: str = "n_tokens") -> None:
        FormulaLaw.__init__(
            self,
            f"beta / {reading(x)}^c",
            (
                Param("beta", f"nats/token x {x}^c", f"loss at {x} = 1"),
                Param("c", "", "exponent: how fast the loss falls", high=5.0),
            ),
            name="m1",
            source="Alabdulmohsin et al. 2022, arXiv 2209.06640, M1",
        )


KIND = M1()
