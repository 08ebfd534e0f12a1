"""A synthetic source whose entropy is known exactly: an order-2 Markov chain."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Array, Corpus, Rows

SEED = 20220329


class Markov(Corpus):
    """P(k | i, j) is proportional to p_k exp(pair g_ijk + last u_jk): every pair of symbols predicts in its own way.

    p is Zipf's, so pairs are met with very unequal frequency and a model learns ever rarer ones as it grows or reads
    on: its loss falls towards the entropy like a power of both. g and u are fixed standard normal numbers.
    """

    def __init__(
        self, name: str = "markov", vocab: int = 64, zipf: float = 1.0, pair: float = 1.5, last: float = 1.0
    ) -> None:
        self.name, self.vocab = name, vocab
        self.zipf, self.pair, self.last = zipf, pair, last

    @cached_property
    def transition(self) -> NDArray[np.float64]:
        """P(k | i, j), `[i, j, k]`; i came before j."""
        rng = np.random.default_rng(SEED)
        V = self.vocab
        log_p = -self.zipf * np.log(np.arange(1, V + 1))
        logits = log_p + self.pair * rng.standard_normal((V, V, V)) + self.last * rng.standard_normal((V, V))
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        return np.asarray(weights / weights.sum(axis=2, keepdims=True))

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """The stationary probability of each pair (i, j), `[i, j]`, by power iteration to rounding."""
        pi = np.full((self.vocab, self.vocab), self.vocab**-2.0)
        for _ in range(10_000):
            following = np.einsum("ij,ijk->jk", pi, self.transition)
            if np.abs(following - pi).sum() < 1e-15:
                break
            pi = following
        return pi

    @cached_property
    def first(self) -> NDArray[np.float64]:
        """P(k | j) of a stationary chain, `[j, k]`: all that the first target of a window can be predicted from."""
        joint = np.einsum("ij,ijk->jk", self.stationary, self.transition)
        return np.asarray(joint / joint.sum(axis=1, keepdims=True))

    def entropy(self, context: int) -> float:
        """[H(x_1 | x_0) + (T - 1) H(x_2 | x_0, x_1)] / T, nats/token: the floor for windows of T targets.

        The first target of a window has one symbol before it, every other at least two.
        """
        rate = -np.einsum("ij,ijk->", self.stationary, self.transition * np.log(self.transition))
        first = -np.einsum("j,jk->", self.stationary.sum(axis=0), self.first * np.log(self.first))
        return float((first + (context - 1) * rate) / context)

    def training(self, context: int, count: int, seed: int) -> Rows:
        """Independent stationary stretches of the chain."""
        return self._sample(context, count, np.random.default_rng([SEED, 1, seed]))

    def validation(self, context: int, count: int) -> Rows:
        """Likewise, from a stream of their own."""
        return self._sample(context, count, np.random.default_rng([SEED, 2]))

    def _sample(self, context: int, count: int, rng: np.random.Generator) -> Rows:
        V = self.vocab
        windows = np.empty((count, context + 1), dtype=np.uint8 if V <= 256 else np.uint16)
        windows[:, :2] = np.stack(np.divmod(rng.choice(V * V, size=count, p=self.stationary.ravel()), V), axis=1)
        cumulative = self.transition.cumsum(axis=2).reshape(V * V, V)
        # One flat table, row r shifted by r, so that one sorted search inverts every row's distribution at once.
        table = (cumulative / cumulative[:, -1:] + np.arange(V * V)[:, None]).ravel()
        for t in range(2, context + 1):
            row = windows[:, t - 2].astype(np.int64) * V + windows[:, t - 1]
            symbol = np.searchsorted(table, row + rng.random(count), side="right") - row * V
            windows[:, t] = np.minimum(symbol, V - 1)
        return Rows.of_windows(windows)

    def truth(self, inputs: Array) -> NDArray[np.float32]:
        """P(target | inputs so far): `first` for the first target, `transition` after."""
        index = inputs.astype(np.int64)
        truth = np.empty((*inputs.shape, self.vocab), dtype=np.float32)
        truth[:, 0] = self.first[index[:, 0]]
        truth[:, 1:] = self.transition[index[:, :-1], index[:, 1:]]
        return truth

    def facts(self) -> Mapping[str, object]:
        """The definition, and the hash of the transition probabilities."""
        return {
            "source": (
                f"order-2 Markov chain, vocabulary {self.vocab}, zipf {self.zipf}, pair {self.pair}, last {self.last}"
            ),
            "licence": "Apache-2.0 (generated)",
            "sha256": hashlib.sha256(self.transition.tobytes()).hexdigest(),
        }


KIND = Markov()
