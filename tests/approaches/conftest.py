"""Designs of known truth: sweeps over size at several budgets, without noise unless asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.runs import RunTable


@dataclass(frozen=True)
class Truth:
    """A Chinchilla surface and its closed-form optimum under C = 6 N D."""

    E: float
    A: float
    alpha: float
    B: float
    beta: float

    @property
    def exponent(self) -> float:
        """d ln N_opt / d ln C."""
        return self.beta / (self.alpha + self.beta)

    def n_opt(self, flops: np.ndarray | float) -> np.ndarray:
        """N of least loss (Hoffmann et al. 2022, eq. 4)."""
        G = (self.alpha * self.A / (self.beta * self.B)) ** (1 / (self.alpha + self.beta))
        return np.asarray(G * (np.asarray(flops) / 6) ** self.exponent)

    def loss(self, n_params: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
        """Nats per token."""
        return np.asarray(self.E + self.A * n_params**-self.alpha + self.B * n_tokens**-self.beta)


HOFFMANN = Truth(1.69, 406.4, 0.34, 410.7, 0.28)
EPOCH = Truth(1.8172, 482.01, 0.3478, 2085.43, 0.3658)
ASYMMETRIC = Truth(1.8172, 482.01, 0.465, 2085.43, 0.155)
BUDGETS = np.geomspace(6e18, 3e21, 9)


def sweep(
    truth: Truth, factor: float, shift: np.ndarray | float = 1.0, points: int = 9, noise: float = 0.0, seed: int = 0
) -> RunTable:
    """At each of `BUDGETS`, `points` sizes from 1/factor to factor times `shift` times the optimum."""
    flops = np.repeat(BUDGETS, points)
    steps = np.tile(np.geomspace(1 / factor, factor, points), len(BUDGETS))
    n_params = truth.n_opt(flops) * np.repeat(np.broadcast_to(shift, BUDGETS.shape), points) * steps
    n_tokens = flops / 6 / n_params
    wobble = np.exp(noise * np.random.default_rng(seed).standard_normal(len(flops)))
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=truth.loss(n_params, n_tokens) * wobble)
