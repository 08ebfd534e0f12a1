"""Kaplan's joint law of parameters and tokens."""

from __future__ import annotations

import numpy as np

from scalelaw.laws.base import Floats, Law, Param


class Kaplan(Law):
    """L(N, D) = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D, without an irreducible term.

    Working parameters (u, s, v, k): with n, d the centred logs of N and D,

        ln L = k ln(e^(u - s n) + e^(v - d)),    k = alpha_D,  s = alpha_N / alpha_D

    and w the share of the first term in the sum: d ln L = k w du - k w n ds + k (1-w) dv + ln(...) dk.

    Source: Kaplan et al. 2020, arXiv 2001.08361, eq. 1.5.
    """

    name = "kaplan"
    formula = "L = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D"
    source = "Kaplan et al. 2020, arXiv 2001.08361, eq. 1.5"
    inputs = ("n_params", "n_tokens")
    params = (
        Param("N_c", "parameters", "scale of the parameter term"),
        Param("alpha_N", "", "exponent in parameters at infinite data"),
        Param("D_c", "tokens", "scale of the token term"),
        Param("alpha_D", "", "exponent in tokens at infinite size"),
    )

    def _exponents(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        u, s, v = theta[:, 0, None], theta[:, 1, None], theta[:, 2, None]
        return u - s * z[:, 0], v - z[:, 1]

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """k ln(e^(u - s n) + e^(v - d)), `[b, n]`."""
        return np.asarray(theta[:, 3, None] * np.logaddexp(*self._exponents(theta, z)))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln L and its gradient; see the class for the formulas."""
        first, second = self._exponents(theta, z)
        log_sum = np.logaddexp(first, second)
        k, w = theta[:, 3, None], np.exp(first - log_sum)
        gradient = np.stack([k * w, -k * w * z[:, 0], k * (1.0 - w), log_sum], axis=2)
        return k * log_sum, gradient

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats:
        """sum_n q_n H_n, H = k w (1-w) (x - y)(x - y)' in (u, s, v) with x = (1, -n, 0), y = (0, 0, 1); w x + (1-w) y
        in the row of k.
        """
        first, second = self._exponents(theta, z)
        w = np.exp(first - np.logaddexp(first, second))
        n, k = z[:, 0], theta[:, 3, None]
        apart = np.stack([np.ones_like(n), -n, -np.ones_like(n)], axis=1)
        hessian = np.zeros((len(theta), 4, 4))
        hessian[:, :3, :3] = np.einsum("bn,ni,nj->bij", q * k * w * (1.0 - w), apart, apart)
        hessian[:, 3, :3] = np.stack([(q * w).sum(1), -(q * w * n).sum(1), (q * (1.0 - w)).sum(1)], axis=1)
        hessian[:, :3, 3] = hessian[:, 3, :3]
        return hessian

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """Exponents positive: 1e-3 <= s <= 100 and 1e-4 <= k <= 10."""
        low, high = np.array([-np.inf, 1e-3, -np.inf, 1e-4]), np.array([np.inf, 1e2, np.inf, 1e1])
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Both exponents in [0.03, 1], the two terms of any relative size at the centre, their sum the median loss."""
        alpha_N, k = np.exp(rng.uniform(np.log(0.03), 0.0, (2, count)))
        share = rng.uniform(0.05, 0.95, count)
        log_sum = np.log(np.median(loss)) / k
        return np.stack([log_sum + np.log(share), alpha_N / k, log_sum + np.log1p(-share), k], axis=1)

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """N_c = exp(u/s + <ln N>), alpha_N = s k, D_c = exp(v + <ln D>), alpha_D = k."""
        u, s, v, k = theta.T
        return np.stack([np.exp(u / s + centre[0]), s * k, np.exp(v + centre[1]), k], axis=1)

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        N_c, alpha_N, D_c, alpha_D = natural.T
        s = alpha_N / alpha_D
        return np.stack([s * (np.log(N_c) - centre[0]), s, np.log(D_c) - centre[1], alpha_D], axis=1)

    def log_steps(self, theta: Floats) -> Floats:
        """u and v are logarithms, s and k plain numbers."""
        return np.array([1.0, theta[1], 1.0, theta[3]])

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """N = [s N_c^s (C/6) / D_c]^(1/(1+s)): where the derivative of the bracket along N D = C/6 vanishes."""
        N_c, alpha_N, D_c, alpha_D = natural.T
        s, log_product = alpha_N / alpha_D, np.log(flops / 6.0)
        log_N = (np.log(s) + s * np.log(N_c) + log_product - np.log(D_c)) / (1.0 + s)
        return np.exp(log_N), np.exp(log_product - log_N)


KIND = Kaplan()
