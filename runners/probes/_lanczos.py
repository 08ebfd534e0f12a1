"""The largest eigenvalue of a symmetric operator that is known by its products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

BREAKDOWN = 1e-12
"""A new direction this short, relative to the operator's size, is rounding: the space found so far is invariant."""


@dataclass(frozen=True, slots=True)
class Eigenvalue:
    """A Ritz value.

    Attributes:
        bound: the residual's length |A u - value u|; an eigenvalue of A lies no farther from `value`.
        products: how many products were computed.
        converged: whether the bound came under the tolerance.
    """

    value: float
    bound: float
    products: int
    converged: bool


def largest_eigenvalue(
    multiply: Callable[[Tensor], Tensor], size: int, *, tolerance: float = 1e-3, most: int = 100, seed: int = 0
) -> Eigenvalue:
    """The largest (not the largest in magnitude) eigenvalue by Lanczos' method from a random start.

    The basis V of the Krylov space is kept orthogonal in double precision against all its vectors, twice over, so that
    no copies of converged eigenvalues appear. With T = V' A V tridiagonal, its largest eigenpair (theta, s) and beta
    the length of the next direction, |A V s - theta V s| = beta |s_last|; the method stops where that is below
    tolerance x |theta|. Source: Golub & Van Loan 2013, Matrix Computations.

    Args:
        multiply: A v for v `[size]` in double precision.
        most: products at most.
    """
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(size, generator=generator, dtype=torch.float64)
    basis = torch.empty(min(most, size), size, dtype=torch.float64)
    diagonal: list[float] = []
    beside: list[float] = []
    for k in range(len(basis)):
        basis[k] = direction / direction.norm()
        image = multiply(basis[k])
        diagonal.append(float(basis[k] @ image))
        direction = image
        for _ in range(2):
            direction = direction - basis[: k + 1].T @ (basis[: k + 1] @ direction)
        beta = float(direction.norm())
        theta, s = _last_pair(diagonal, beside)
        bound = beta * abs(float(s[-1]))
        invariant = beta <= BREAKDOWN * max(abs(theta), *map(abs, diagonal)) or k + 1 == size
        if invariant or bound <= tolerance * abs(theta):
            return Eigenvalue(theta, bound, k + 1, True)
        beside.append(beta)
    return Eigenvalue(theta, bound, len(basis), False)


def _last_pair(diagonal: list[float], beside: list[float]) -> tuple[float, Tensor]:
    """The largest eigenvalue of a symmetric tridiagonal matrix, and its vector."""
    T = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if beside:
        off = torch.tensor(beside, dtype=torch.float64)
        T = T + torch.diag(off, 1) + torch.diag(off, -1)
    values, vectors = torch.linalg.eigh(T)
    return float(values[-1]), vectors[:, -1]
