"""Sums of powers over a constant, L = E + sum_k A_k x_k^-alpha_k: the shape most scaling laws share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.laws.base import Contract, Floats, Law, Param

MAX_EXPONENT = 5.0


@dataclass(frozen=True, slots=True)
class Power:
    """One term, coefficient x^-exponent, with the names of its parameters."""

    x: str
    coefficient: str
    exponent: str


class PowerSum(Law):
    """L(x) = E + sum_k A_k x_k^-alpha_k, in nats per token.

    Working parameters are (E, a_1, alpha_1, a_2, alpha_2, ...) with a_k = ln A_k - alpha_k <ln x_k>, the log of the
    term at the centre of the data: E is plain, so that E = 0 is an ordinary bound and no runaway. With z_k = ln x_k -
    <ln x_k>, the term is T_k = exp(a_k - alpha_k z_k), its share s_k = T_k / L, and

        d ln L / dE = 1/L        d ln L / da_k = s_k        d ln L / dalpha_k = -s_k z_k
    """

    kernel = "power_sum"

    def __init__(self, name: str, formula: str, source: str, powers: tuple[Power, ...]) -> None:
        self.name, self.formula, self.source, self.powers = name, formula, source, powers
        self.inputs = tuple(power.x for power in powers)
        params = [Param("E", "nats/token", "irreducible loss: what remains when every input is infinite")]
        for power in powers:
            params += [
                Param(power.coefficient, f"nats/token x {power.x}^{power.exponent}", f"size of the {power.x} term"),
                Param(power.exponent, "", f"how fast the {power.x} term falls"),
            ]
        self.params = tuple(params)

    def _terms(self, theta: Floats, z: Floats) -> list[Floats]:
        """T_k, `[b, n]` each."""
        return [np.exp(theta[:, 1 + 2 * k, None] - theta[:, 2 + 2 * k, None] * z[:, k]) for k in range(z.shape[1])]

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln(E + sum_k T_k), `[b, n]`."""
        return np.asarray(np.log(sum(self._terms(theta, z), theta[:, :1])))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln L and its gradient; see the class for the formulas."""
        terms = self._terms(theta, z)
        loss = sum(terms, theta[:, :1])
        gradient = np.empty((len(theta), theta.shape[1], len(z)))
        np.divide(1.0, loss, out=gradient[:, 0])
        for k, term in enumerate(terms):
            np.multiply(term, gradient[:, 0], out=gradient[:, 1 + 2 * k])
            np.multiply(gradient[:, 1 + 2 * k], -z[:, k], out=gradient[:, 2 + 2 * k])
        return np.log(loss), gradient.swapaxes(1, 2)

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats:
        """sum_n q_n [sum_k s_k v_k v_k' - g g'], v_k = (1, -z_k) in the rows of (a_k, alpha_k), g the gradient."""
        return self._contract(self.derivatives(theta, z)[1], z, q)

    def second_order(self, theta: Floats, z: Floats) -> tuple[Floats, Floats, Contract]:
        """ln L, its gradient and its curvature from one evaluation."""
        log_loss, gradient = self.derivatives(theta, z)
        return log_loss, gradient, lambda q: self._contract(gradient, z, q)

    def _contract(self, gradient: Floats, z: Floats, q: Floats) -> Floats:
        weighted = gradient.swapaxes(1, 2) * q[:, None, :]
        hessian = -np.matmul(weighted, gradient)
        for k in range(len(self.powers)):
            i = 1 + 2 * k
            first, second = weighted[:, i].sum(axis=1), weighted[:, i + 1].sum(axis=1)
            hessian[:, i, i] += first
            hessian[:, i, i + 1] += second
            hessian[:, i + 1, i] += second
            hessian[:, i + 1, i + 1] -= weighted[:, i + 1] @ z[:, k]
        return np.asarray(hessian)

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """E >= 0 and 0 <= alpha_k <= 5."""
        k = len(self.powers)
        low = np.array([0.0] + [-np.inf, 0.0] * k)
        high = np.array([np.inf] + [np.inf, MAX_EXPONENT] * k)
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """E a share of the smallest loss; the rest of the median split among the terms; exponents in [0.05, 1.2]."""
        k = len(self.powers)
        E = rng.uniform(0.0, 1.0, count) * loss.min()
        split = rng.dirichlet(np.ones(k), count)
        theta = np.empty((count, 1 + 2 * k))
        theta[:, 0] = E
        theta[:, 1::2] = np.log(np.maximum((np.median(loss) - E)[:, None] * split, 1e-3 * loss.min()))
        theta[:, 2::2] = np.exp(rng.uniform(np.log(0.05), np.log(1.2), (count, k)))
        return theta

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """(E, A_k = exp(a_k + alpha_k <ln x_k>), alpha_k)."""
        natural = theta.copy()
        natural[:, 1::2] = np.exp(theta[:, 1::2] + theta[:, 2::2] * centre)
        return natural

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        theta = natural.copy()
        with np.errstate(divide="ignore"):  # a term that a replicate has lost, A = 0, is e^-inf
            theta[:, 1::2] = np.log(natural[:, 1::2]) - natural[:, 2::2] * centre
        return theta

    def log_steps(self, theta: Floats) -> Floats:
        """E and the exponents are plain numbers, the a_k logarithms."""
        steps = theta.copy()
        steps[1::2] = 1.0
        return steps
