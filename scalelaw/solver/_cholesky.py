"""Cholesky factors of many small matrices at once, the loop running over their columns; `[b, p, p]` and `[b, p]`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 1e-15
"""A pivot at or below this, on a matrix whose diagonal is about 1, is not positive."""


def cholesky(A: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Lower factors L of A = L L', and which of the matrices are positive definite (L means nothing for the others)."""
    A = A.copy()
    positive = np.ones(len(A), dtype=bool)
    for j in range(A.shape[1]):
        pivot = A[:, j, j]
        good = pivot > LEAST
        positive &= good
        root = np.sqrt(np.where(good, pivot, 1.0))
        # Past a pivot that is not positive the columns would square one another until they overflow.
        A[:, j + 1 :, j] = np.where(good[:, None], A[:, j + 1 :, j] / root[:, None], 0.0)
        A[:, j, j] = root
        column = A[:, j + 1 :, j]
        A[:, j + 1 :, j + 1 :] -= column[:, :, None] * column[:, None, :]
    return A, positive


def forward(L: Floats, g: Floats) -> Floats:
    """L^-1 g."""
    x = g.copy()
    for j in range(x.shape[1]):
        x[:, j] /= L[:, j, j]
        x[:, j + 1 :] -= L[:, j + 1 :, j] * x[:, j, None]
    return x


def backward(L: Floats, g: Floats) -> Floats:
    """L'^-1 g."""
    x = g.copy()
    for j in range(x.shape[1] - 1, -1, -1):
        x[:, j] /= L[:, j, j]
        x[:, :j] -= L[:, j, :j] * x[:, j, None]
    return x
