"""The law over the box of constants that round to the printed ones."""

from __future__ import annotations

import numpy as np

from scalelaw.laws import Law
from scalelaw.laws.base import Floats

STEP = 1e-4
"""Half units that a central difference of the map to working parameters moves."""


class RoundingBox(Law):
    """A law in other working parameters u, natural = printed + half_unit u with -1 <= u <= 1, about one centre.

    Its derivatives follow by the chain rule, d ln L / du = d ln L / d theta  d theta / du, the last factor by a central
    difference of the law's map from natural to working parameters. Second derivatives are not given: in so small a box
    a Gauss-Newton step serves.
    """

    def __init__(self, law: Law, centre: Floats, printed: Floats, half_units: Floats) -> None:
        self.law, self.at, self.printed, self.half_units = law, centre, printed, half_units
        self.name, self.formula, self.source = law.name, law.formula, law.source
        self.inputs, self.params = law.inputs, law.params

    def theta(self, u: Floats) -> Floats:
        """The law's own working parameters, `[b, p]`. A constant that is not negative cannot become so."""
        natural = self.natural(u, self.at)
        return self.law.working(np.where(self.printed < 0, natural, np.maximum(natural, 0.0)), self.at)

    def log_loss(self, u: Floats, z: Floats) -> Floats:
        """ln L, `[b, n]`."""
        return self.law.log_loss(self.theta(u), z)

    def derivatives(self, u: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln L and its gradient in u, `[b, n, p]`."""
        log_loss, gradient = self.law.derivatives(self.theta(u), z)
        moves = STEP * np.eye(len(self.printed))
        ahead, behind = (np.stack([self.theta(u + sign * move) for move in moves], axis=2) for sign in (1.0, -1.0))
        return log_loss, np.asarray(np.matmul(gradient, (ahead - behind) / (2 * STEP)))

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The box."""
        return -np.ones(len(self.printed)), np.ones(len(self.printed))

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Places in the box, the printed constants first."""
        places = rng.uniform(-1.0, 1.0, (count, len(self.printed)))
        places[0] = 0.0
        return places

    def natural(self, u: Floats, centre: Floats) -> Floats:
        """printed + half_unit u."""
        return np.asarray(self.printed + self.half_units * u)

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`; 0 for a constant that nothing was rounded off."""
        exact = self.half_units == 0
        return np.where(exact, 0.0, (natural - self.printed) / np.where(exact, 1.0, self.half_units))

    def log_steps(self, u: Floats) -> Floats:
        """du / d ln(natural) = natural / half_unit; 0 where nothing was rounded off."""
        exact = self.half_units == 0
        return np.where(exact, 0.0, self.natural(u, self.at) / np.where(exact, 1.0, self.half_units))
