"""The shipped source of known entropy: an order-2 Markov chain over 64 symbols."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Rows
from runners.corpora.chain import SEED, Chain


class Markov(Chain):
    """A chain of order 2, P(k | i, j).

    Its stream is made all at once, which later chains' is not: runs logged on it stay comparable.
    """

    def __init__(
        self, name: str = "markov", vocab: int = 64, zipf: float = 1.0, pair: float = 1.5, last: float = 1.0
    ) -> None:
        super().__init__(name, 2, vocab, zipf, pair, last)

    @property
    def first(self) -> NDArray[np.float64]:
        """P(k | j) of a stationary chain, `[j, k]`: all that the first target of a window can be predicted from."""
        return self.conditionals[0]

    def training(self, context: int, count: int, seed: int) -> Rows:
        """Independent stationary stretches of the chain."""
        return Rows.of_windows(self.sample(context, count, np.random.default_rng([SEED, 1, seed])))

    def validation(self, context: int, count: int) -> Rows:
        """Likewise, from a stream of their own."""
        return Rows.of_windows(self.sample(context, count, np.random.default_rng([SEED, 2])))


KIND = Markov()
