"""Smoothly broken power laws: straight pieces in the log that bend into one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from scalelaw.laws._jet_law import JetLaw
from scalelaw.laws._jets import Jet, exp, log, softplus
from scalelaw.laws._variable import OfOneVariable
from scalelaw.laws.base import Floats, Param


class BrokenPower(OfOneVariable, JetLaw):
    """L(x) = E + B x^-c_0 prod_i (1 + (x / d_i)^(1/f_i))^(-c_i f_i), i = 1 to the number of breaks.

    The slope in the log is -c_0 before the first break and changes by -c_i across break i, at x = d_i, within about
    f_i e-folds on either side. In the paper's letters E is a and B is b. Breaks are kept in order, fitted through the
    gaps in ln d from each to the next, for otherwise they could trade places.

    Source: Caballero et al. 2023, arXiv 2210.14891, eq. 1.
    """

    breaks: ClassVar[int]
    source = "Caballero et al. 2023, arXiv 2210.14891, eq. 1"
    identifiability = (
        "A break is known only where runs lie on both sides of it, and its sharpness f only where they lie within it."
    )

    def __init__(self, x: str = "n_tokens") -> None:
        numbers = range(1, self.breaks + 1)
        self.name = "broken_power" + (f"_{self.breaks}" if self.breaks > 1 else "")
        self.inputs = (x,)
        product = "" if self.breaks == 1 else f", i = 1..{self.breaks}"
        self.formula = f"L = E + B {x}^-c_0 prod_i (1 + ({x}/d_i)^(1/f_i))^(-c_i f_i){product}"
        self.params = (
            Param("E", "nats/token", "irreducible loss: what remains as the variable grows without limit"),
            Param("B", f"nats/token x {x}^c_0", f"size of the first piece at {x} = 1"),
            Param("c_0", "", "exponent of the first piece", low=-5.0, high=5.0),
            *(
                param
                for i in numbers
                for param in (
                    Param(f"c_{i}", "", f"change of the exponent at break {i}", low=-5.0, high=5.0, start=(-0.3, 0.8)),
                    Param(f"d_{i}", x, f"where break {i} is"),
                    Param(f"f_{i}", "", f"width of break {i} in e-folds", low=1e-2, high=5.0, start=(0.1, 1.0)),
                )
            ),
        )
        self.plain = frozenset({"E", "c_0", *(f"c_{i}" for i in numbers)})
        self.scaled = {"B": ((-1.0, "c_0", x),)}

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The formula, its product as a sum of logs that cannot overflow."""
        log_x = log(x[self.inputs[0]])
        power = -p["c_0"] * log_x
        for i in range(1, self.breaks + 1):
            f = p[f"f_{i}"]
            power = power - p[f"c_{i}"] * f * softplus((log_x - log(p[f"d_{i}"])) / f)
        return p["E"] + p["B"] * exp(power)

    def _shifts(self, centre: Floats) -> Floats:
        """Beside the scaling of B: ln d_i is ln d_1 and the gaps from each break to the next."""
        K = super()._shifts(centre)
        for i in range(1, self.breaks):
            K[4 + 3 * i, 4 : 4 + 3 * i : 3] = 1.0
        return K

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        plain = self._is_plain()
        with np.errstate(divide="ignore"):
            theta = np.where(plain, natural, np.log(np.where(plain, 1.0, natural)))
        theta[:, 1] -= theta[:, 2] * self._shifts(centre)[1, 2]
        theta[:, 7::3] = np.diff(theta[:, 4::3], axis=1)
        return theta

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The ranges of the parameters; breaks lie among the runs, and gaps between them are not negative."""
        low, high = super().bounds(z)
        low[4], high[4] = np.log(z[:, 0].min()), np.log(z[:, 0].max())
        low[7::3], high[7::3] = 0.0, high[4] - low[4]
        return low, high

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """First guesses: breaks within the range of the runs, in order; the exponents those that then fit
        ln(loss - E) best, for E a share of the least loss.
        """
        drawn = super().draw(z, loss, count, rng)
        log_x = np.log(z[:, 0])
        drawn[:, 0] = rng.uniform(0.0, 0.98, count) * loss.min()
        drawn[:, 4::3] = np.exp(np.sort(rng.uniform(log_x.min(), log_x.max(), (count, self.breaks)), axis=1))
        for member in drawn:
            d, f = member[4::3], member[5::3]
            bends = f * np.logaddexp(0.0, (log_x[:, None] - np.log(d)) / f)
            basis = np.column_stack([np.ones_like(log_x), -log_x, -bends])
            exponents = np.linalg.lstsq(basis, np.log(loss - member[0]), rcond=None)[0][1:]
            member[2], member[3::3] = exponents[0], exponents[1:]
        return drawn
