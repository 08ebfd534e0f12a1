"""Two data sets whose losses are known without error: y's follows from x's."""

from __future__ import annotations

import numpy as np

import scalelaw as sl

E_X, A, ALPHA, B, BETA = 1.7, 482.0, 0.35, 2085.0, 0.37
KAPPA, K, E_Y = 1.1, 0.9, 1.3


def loss_x(n_params: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
    """Chinchilla's form."""
    return np.asarray(E_X + A * n_params**-ALPHA + B * n_tokens**-BETA)


def loss_y(x: np.ndarray) -> np.ndarray:
    """K (x - E_x)^kappa + E_y."""
    return np.asarray(K * (x - E_X) ** KAPPA + E_Y)


def grid(side: int = 5, largest: float = 1e9) -> tuple[np.ndarray, np.ndarray]:
    """N and D."""
    n_params, n_tokens = np.meshgrid(np.geomspace(2e7, largest, side), np.geomspace(5e8, 4e10, side))
    return n_params.ravel(), n_tokens.ravel()


def sweeps(noise: float = 0.0, seed: int = 0, side: int = 5) -> tuple[sl.RunTable, sl.RunTable]:
    """The two tables, runs in different orders."""
    rng = np.random.default_rng(seed)
    n_params, n_tokens = grid(side)
    x = loss_x(n_params, n_tokens)
    order = rng.permutation(len(x))
    noisy = [loss * np.exp(noise * rng.standard_normal(len(loss))) for loss in (x, loss_y(x))]
    return (
        sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=noisy[0]),
        sl.RunTable.of(n_params=n_params[order], n_tokens=n_tokens[order], loss=noisy[1][order]),
    )
