"""A regression small enough for its Hessian and its gradient noise to be written down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runners.corpora.base import Examples, Rows, Source


class Line(Source):
    """y = w.x + sigma e with x and e standard normal; w is a vector of ones."""

    name = "line"
    kind = "vectors"
    outputs = 1
    loss = "squared_error"

    def __init__(self, d: int, sigma: float = 1.0) -> None:
        self.d, self.sigma = d, sigma

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.d,)

    def training(self, context: int, count: int, seed: int) -> Examples:
        return self._draw(np.random.default_rng([1, seed]), count)

    def validation(self, context: int, count: int) -> Examples:
        return self._draw(np.random.default_rng(2), count)

    def _draw(self, rng: np.random.Generator, count: int) -> Rows:
        x = rng.standard_normal((count, self.d)).astype(np.float32)
        return Rows(x, (x.sum(1) + self.sigma * rng.standard_normal(count)).astype(np.float32))

    def facts(self) -> Mapping[str, object]:
        return {}
