"""The loss-to-loss law: one loss as a shifted power of another."""

from __future__ import annotations

import numpy as np

from scalelaw.errors import DataError
from scalelaw.laws.base import Floats, Law, Param
from scalelaw.runs import RunTable


class ShiftedPower(Law):
    """L_y = K (L_x - E_x)^kappa + E_y: the loss of the table as a function of another loss, column `x`.

    Working parameters (E_y, c, kappa, E_x) with c = ln K, so with T = exp(c + kappa ln(x - E_x)) and s = T / L,

        d ln L = dE_y / L + s dc + s ln(x - E_x) dkappa - s kappa / (x - E_x) dE_x

    x enters as it is, not as a logarithm, and 0 <= E_x < min x.

    Source: Brandfonbrener et al. 2024, arXiv 2411.12925.
    """

    name = "shifted_power"
    formula = "L_y = K (L_x - E_x)^kappa + E_y"
    source = "Brandfonbrener et al. 2024, arXiv 2411.12925"
    params = (
        Param("E_y", "nats/token", "irreducible part of the predicted loss"),
        Param("K", "nats/token^(1-kappa)", "slope between the reducible losses"),
        Param("kappa", "", "exponent between the reducible losses"),
        Param("E_x", "nats/token", "irreducible part of the given loss"),
    )

    def __init__(self, x: str = "loss_x") -> None:
        self.inputs = (x,)

    @property
    def label(self) -> str:
        """`shifted_power(x)`."""
        return f"{self.name}({self.inputs[0]})"

    def over(self, x: str) -> ShiftedPower:
        """The same law with another column for the given loss."""
        return ShiftedPower(x)

    def read(self, runs: RunTable) -> Floats:
        """The given loss, `[n, 1]`; `DataError` names the column and a value that is not a positive number."""
        name = self.inputs[0]
        try:
            x = np.asarray(runs.column(name), dtype=float)
        except ValueError as error:
            raise DataError("E_NOT_A_NUMBER", f"the given loss must be a number ({error})", column=name) from None
        bad = np.flatnonzero(~(np.isfinite(x) & (x > 0)))
        if len(bad):
            row = runs.run(int(bad[0]))
            raise DataError(
                "E_NOT_POSITIVE",
                "the given loss must be a positive number",
                file=row.file or None,
                line=row.line or None,
                column=name,
                value=x[bad[0]],
                remedy="correct the cell or exclude the row",
            )
        return x[:, None]

    def centre(self, inputs: Floats) -> Floats:
        """Nothing is centred."""
        return np.zeros(1)

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """x itself, `[n, 1]`."""
        return inputs

    def _parts(self, theta: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
        reducible = np.maximum(z[:, 0] - theta[:, 3, None], 1e-300)
        log_x = np.log(reducible)
        term = np.exp(theta[:, 1, None] + theta[:, 2, None] * log_x)
        return reducible, log_x, term

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln(E_y + K (x - E_x)^kappa), `[b, n]`."""
        return np.asarray(np.log(theta[:, :1] + self._parts(theta, z)[2]))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln L and its gradient; see the class for the formulas."""
        reducible, log_x, term = self._parts(theta, z)
        loss = theta[:, :1] + term
        share = term / loss
        gradient = np.stack([1.0 / loss, share, share * log_x, -share * theta[:, 2, None] / reducible], axis=2)
        return np.log(loss), gradient

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats:
        """sum_n q_n [s (v v' + V) - g g'], g the gradient of ln L, v and V the gradient and Hessian of ln T.

        V has -1/(x - E_x) at (kappa, E_x) and -kappa/(x - E_x)^2 at (E_x, E_x), nothing else.
        """
        reducible, log_x, term = self._parts(theta, z)
        share, kappa = term / (theta[:, :1] + term), theta[:, 2, None]
        _, gradient = self.derivatives(theta, z)
        v = np.stack([np.zeros_like(share), np.ones_like(share), log_x, -kappa / reducible], axis=2)
        hessian = np.einsum("bn,bni,bnj->bij", q * share, v, v) - np.einsum("bn,bni,bnj->bij", q, gradient, gradient)
        cross = -(q * share / reducible).sum(axis=1)
        hessian[:, 2, 3] += cross
        hessian[:, 3, 2] += cross
        hessian[:, 3, 3] -= (q * share * kappa / reducible**2).sum(axis=1)
        return np.asarray(hessian)

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """E_y >= 0, 0.01 <= kappa <= 10, 0 <= E_x <= (1 - 1e-6) min x."""
        low = np.array([0.0, -np.inf, 1e-2, 0.0])
        high = np.array([np.inf, np.inf, 1e1, (1 - 1e-6) * z[:, 0].min()])
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Both irreducible losses shares of the smallest, kappa in [0.5, 2], K through the medians."""
        E_y, E_x = rng.uniform(0.0, 0.98, (2, count)) * np.array([[loss.min()], [z[:, 0].min()]])
        kappa = np.exp(rng.uniform(np.log(0.5), np.log(2.0), count))
        log_K = np.log(np.median(loss) - E_y) - kappa * np.log(np.median(z[:, 0]) - E_x)
        return np.stack([E_y, log_K, kappa, E_x], axis=1)

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """(E_y, K = e^c, kappa, E_x)."""
        natural = theta.copy()
        natural[:, 1] = np.exp(theta[:, 1])
        return natural

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        theta = natural.copy()
        theta[:, 1] = np.log(natural[:, 1])
        return theta

    def log_steps(self, theta: Floats) -> Floats:
        """c is a logarithm, the others plain numbers."""
        return np.array([theta[0], 1.0, theta[2], theta[3]])


KIND = ShiftedPower()
