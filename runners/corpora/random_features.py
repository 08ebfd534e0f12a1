"""Regression on random features with a power-law spectrum (PLRF); its irreducible loss is known exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from runners.corpora._templates import Made, Options, whole
from runners.corpora.base import Array, Examples, Generated, Source

SEED = 20240524
HIDDEN_PER_FEATURE = 4


class RandomFeatures(Source):
    """y = sum_j j^-beta x_j with x_j = j^-alpha z_j, z ~ N(0, 1), j <= v; a model sees the d numbers W'x / s alone.

    W is v x d with N(0, 1/d) entries, v = 4 d, and s makes the features' mean square 1. What W hides cannot be
    predicted: y and the features are jointly Gaussian, so with A = D^1/2 W, t = D^1/2 b, D = diag(j^-2 alpha),
    b_j = j^-beta, the least squared error of any model is t't - t'A (A'A)^-1 A't.

    Source: the model of Paquette et al. 2024, arXiv 2405.15074.
    """

    kind = "vectors"
    outputs = 1
    loss = "squared_error"

    def __init__(self, name: str = "random_features", d: int = 64, alpha: float = 1.0, beta: float = 0.3) -> None:
        self.name, self.d, self.alpha, self.beta = name, d, alpha, beta

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The features."""
        return (self.d,)

    @cached_property
    def _features(self) -> NDArray[np.float64]:
        """A / s, `[v, d]`: the features of z."""
        v = HIDDEN_PER_FEATURE * self.d
        A = np.arange(1, v + 1)[:, None] ** -self.alpha * np.random.default_rng(SEED).standard_normal((v, self.d))
        return np.asarray(A / np.sqrt((A**2).sum() / self.d))

    @cached_property
    def _target(self) -> NDArray[np.float64]:
        """t, `[v]`: the target of z."""
        return np.asarray(np.arange(1, HIDDEN_PER_FEATURE * self.d + 1) ** -(self.alpha + self.beta))

    def entropy(self, context: int) -> float:
        """The conditional variance of y given the features."""
        best = np.linalg.lstsq(self._features, self._target, rcond=None)[0]
        return float(np.sum((self._target - self._features @ best) ** 2))

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Fresh examples."""
        return self._generated(count, 1, seed)

    def validation(self, context: int, count: int) -> Examples:
        """Likewise, from a stream of their own."""
        return self._generated(count, 2, 0)

    def _generated(self, count: int, *stream: int) -> Generated:
        def block(number: int) -> tuple[Array, Array]:
            z = np.random.default_rng([SEED, *stream, number]).standard_normal((1024, len(self._target)))
            return (z @ self._features).astype(np.float32), (z @ self._target).astype(np.float32)

        return Generated(count, block, 1024)

    def facts(self) -> Mapping[str, object]:
        """The definition, and the hash of the features."""
        return {
            "source": f"power-law random features, d {self.d}, v {len(self._target)}, "
            f"alpha {self.alpha}, beta {self.beta}",
            "licence": "Apache-2.0 (generated)",
            "version": "1",
            "sha256": hashlib.sha256(self._features.tobytes() + self._target.tobytes()).hexdigest(),
        }


class RandomFeatureSources(Made):
    """Random features by their number and exponents."""

    name = "random_features"
    usage = "random_features[:d=64|alpha=1|beta=0.3]"
    options: ClassVar[Options] = {"d": whole, "alpha": float, "beta": float}
    made = RandomFeatures


KIND = RandomFeatureSources()
