"""The step of a quadratic model within a ball, for many members at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scalelaw.solver._cholesky import backward, cholesky, forward

Floats = NDArray[np.float64]

HALVINGS = 24
"""Of the range of the multiplier: its logarithm is then known to a millionth of that range."""
LEAST = 1e-13


def within(B: Floats, g: Floats, radius: Floats) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """The steps s `[b, p]` that minimise g's + s'Bs/2 with |s| <= `radius[b]`, for symmetric B `[b, p, p]`.

    Returns:
        s; whether it lies on the edge of the ball; and A, with s = -A^-1 g: B itself where its step fits, otherwise
        |B| + mu, B's eigenvalues by their size.
    """
    with np.errstate(all="ignore"):
        L, positive = cholesky(B)
        step = -backward(L, forward(L, g))
        fits = positive & (np.linalg.norm(step, axis=1) <= radius)
    some = np.flatnonzero(~fits)
    if not len(some):
        return step, ~fits, B
    eigenvalues, V = np.linalg.eigh(B[some])
    eigenvalues = np.abs(eigenvalues)
    along = np.matmul(V.swapaxes(1, 2), g[some][:, :, None])[:, :, 0]
    low = LEAST * np.maximum(eigenvalues[:, -1], np.finfo(float).tiny)
    high = np.linalg.norm(along, axis=1) / radius[some] + low
    at_edge = _length(along, eigenvalues, low) > radius[some]
    mu = low.copy()
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        long = _length(along, eigenvalues, middle) > radius[some]
        low, high = np.where(long, middle, low), np.where(long, high, middle)
    shifted = eigenvalues + np.where(at_edge, high, mu)[:, None]
    step[some] = -np.matmul(V, (along / shifted)[:, :, None])[:, :, 0]
    A = B.copy()
    A[some] = np.matmul(V * shifted[:, None, :], V.swapaxes(1, 2))
    edge = np.zeros(len(B), dtype=bool)
    edge[some] = at_edge
    return step, edge, A


def _length(along: Floats, eigenvalues: Floats, mu: Floats) -> Floats:
    return np.asarray(np.linalg.norm(along / (eigenvalues + mu[:, None]), axis=1))
