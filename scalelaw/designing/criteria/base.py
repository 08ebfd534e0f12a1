"""What a criterion is: a number, the less the better, for the covariance that a design leaves.

Shapes: b draws, j candidate runs, p working parameters. All criteria are logarithms of variances, so that they do not
depend on the scatter of runs and a difference of 0.1 is a tenth less variance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import ClassVar

import numpy as np

from scalelaw.designing.aims import Aims
from scalelaw.laws.base import Floats


class OneMore:
    """The covariances after one more run x of each of j candidates, V - Vxx'V / (1 + x'Vx), never written out."""

    def __init__(self, V: Floats, X: Floats) -> None:
        self.V, self.X = V, X

    @cached_property
    def moved(self) -> Floats:
        """Vx, `[b, j, p]`."""
        return self.X @ self.V

    @cached_property
    def shrinkage(self) -> Floats:
        """1 + x'Vx, `[b, j]`."""
        return np.asarray(1.0 + np.einsum("bjp,bjp->bj", self.moved, self.X))

    def trace(self, A: Floats) -> Floats:
        """tr(A V) after each candidate, `[b, j]`, for `A[b, p, p]`."""
        before = np.einsum("bpq,bqp->b", A, self.V)
        return np.asarray(before[:, None] - np.einsum("bjp,bjp->bj", self.moved @ A, self.moved) / self.shrinkage)


class Criterion(ABC):
    """Subclasses state `name` and `description`, one line for a list."""

    name: ClassVar[str]
    description: ClassVar[str]

    @abstractmethod
    def value(self, V: Floats, aims: Aims) -> float:
        """The criterion for the inverse information `V[b, p, p]`, one run's noise being 1."""

    @abstractmethod
    def after(self, more: OneMore, aims: Aims) -> Floats:
        """The criterion after each of the candidates, `[j]`."""


class LogTrace(Criterion):
    """The mean over draws of ln tr(A V), for the matrix `[b, p, p]` that a subclass wants small in V."""

    @abstractmethod
    def matrix(self, aims: Aims) -> Floats:
        """A."""

    def value(self, V: Floats, aims: Aims) -> float:
        """The mean of ln tr(A V)."""
        return float(self.average(np.einsum("bpq,bqp->b", self.matrix(aims), V)))

    def after(self, more: OneMore, aims: Aims) -> Floats:
        """The same after each candidate."""
        return np.asarray(self.average(more.trace(self.matrix(aims))))

    def average(self, traces: Floats) -> Floats:
        """Over draws: of the logarithm, so that no single wild draw rules."""
        return np.asarray(np.log(np.maximum(traces, np.finfo(float).tiny)).mean(axis=0))
