"""The power law of one variable, without a constant."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._variable import OfOneVariable, reading
from scalelaw.laws.base import Param


class PowerLaw(OfOneVariable, FormulaLaw):
    """L(x) = A / x^alpha for x the compute, the parameters, the tokens or any other column.

    Source: Kaplan et al. 2020, arXiv 2001.08361, eqs. 1.1 to 1.3, L = (x_c / x)^alpha with A = x_c^alpha.
    """

    def __init__(self, x: str = "flops") -> None:
        FormulaLaw.__init__(
            self,
            f"A / {reading(x)}^alpha",
            (
                Param("A", f"nats/token x {x}^alpha", f"loss at {x} = 1"),
                Param("alpha", "", "exponent: how fast the loss falls", high=5.0),
            ),
            name="power_law",
            source="Kaplan et al. 2020, arXiv 2001.08361, eqs. 1.1 to 1.3",
            identifiability="Without a constant the law bends nowhere: far from the runs it falls below any real loss.",
        )


KIND = PowerLaw()
