"""Markov chains of any order: synthetic sources whose entropy is known exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from runners.corpora._templates import Made, Options, whole
from runners.corpora.base import Array, Corpus, Examples, Generated
from scalelaw.errors import UsageError

SEED = 20220329
MOST_CONTEXTS = 2**22


class Chain(Corpus):
    """P(k | i..., j) is proportional to p_k exp(pair g_i...jk + last u_jk): every context predicts in its own way.

    p is Zipf's, so contexts are met with very unequal frequency and a model learns ever rarer ones as it grows or reads
    on: its loss falls towards the entropy like a power of both. g and u are fixed standard normal numbers; a context
    i...j is the last `order` symbols, j the latest.
    """

    def __init__(
        self,
        name: str = "chain",
        order: int = 3,
        vocab: int = 16,
        zipf: float = 1.0,
        pair: float = 1.5,
        last: float = 1.0,
    ) -> None:
        if vocab < 2 or order < 1 or vocab**order > MOST_CONTEXTS // vocab:
            raise UsageError(
                f"A chain has at least 2 symbols and at most {MOST_CONTEXTS:,} probabilities; found order {order} "
                f"over {vocab} symbols."
            )
        self.name, self.order, self.vocab = name, order, vocab
        self.zipf, self.pair, self.last = zipf, pair, last

    @cached_property
    def transition(self) -> NDArray[np.float64]:
        """P(k | i..., j), `[i, ..., j, k]`."""
        rng = np.random.default_rng(SEED)
        V, order = self.vocab, self.order
        log_p = -self.zipf * np.log(np.arange(1, V + 1))
        logits = log_p + self.pair * rng.standard_normal((V,) * (order + 1)) + self.last * rng.standard_normal((V, V))
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """The stationary probability of each context, `[i, ..., j]`, by power iteration to rounding."""
        V, rest = self.vocab, self.vocab ** (self.order - 1)
        transition = self.transition.reshape(V, rest, V)
        pi = np.full((V, rest), 1 / (V * rest))
        for _ in range(10_000):
            following = np.einsum("ij,ijk->jk", pi, transition).reshape(V, rest)
            if np.abs(following - pi).sum() < 1e-15:
                break
            pi = following
        return pi.reshape((V,) * self.order)

    @cached_property
    def conditionals(self) -> tuple[NDArray[np.float64], ...]:
        """P(x_n | x_0 ... x_n-1) of a stationary chain for n = 1 to `order`, `[x_0, ..., x_n]`; last, `transition`."""
        joint = self.stationary[..., None] * self.transition
        earlier = [joint.sum(axis=tuple(range(self.order - n))) for n in range(1, self.order)]
        return (*(part / part.sum(axis=-1, keepdims=True) for part in earlier), self.transition)

    @cached_property
    def entropies(self) -> tuple[float, ...]:
        """H(x_n | x_0 ... x_n-1), nats, for n = 1 to `order`; the last is the entropy rate."""
        found = []
        for n, p in enumerate(self.conditionals, start=1):
            context = self.stationary.sum(axis=tuple(range(self.order - n)))
            found.append(float(-np.sum(context[..., None] * p * np.log(p))))
        return tuple(found)

    def entropy(self, context: int) -> float:
        """sum_t=1..T H(x_t | x_0 ... x_t-1) / T, nats/token: the floor for windows of T targets.

        The first targets of a window have fewer than `order` symbols before them.
        """
        early = self.entropies[:-1][:context]
        return (sum(early) + (context - len(early)) * self.entropies[-1]) / context

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Independent stationary stretches of the chain."""
        return self._generated(context, count, 1, seed)

    def validation(self, context: int, count: int) -> Examples:
        """Likewise, from a stream of their own."""
        return self._generated(context, count, 2, 0)

    def _generated(self, context: int, count: int, *stream: int) -> Generated:
        def block(number: int) -> tuple[Array, Array]:
            windows = self.sample(context, 1024, np.random.default_rng([SEED, *stream, number]))
            return windows[:, :-1], windows[:, 1:]

        return Generated(count, block, 1024)

    def sample(self, context: int, count: int, rng: np.random.Generator) -> Array:
        """`[count, context + 1]` symbols; every window begins in the stationary distribution."""
        V, order = self.vocab, self.order
        windows = np.empty((count, max(context + 1, order)), dtype=np.uint8 if V <= 256 else np.uint16)
        state = rng.choice(V**order, size=count, p=self.stationary.ravel())
        for t in range(order):
            windows[:, t] = state // V ** (order - 1 - t) % V
        for t in range(order, context + 1):
            row = np.zeros(count, dtype=np.int64)
            for s in range(t - order, t):
                row = row * V + windows[:, s]
            symbol = np.searchsorted(self._table, row + rng.random(count), side="right") - row * V
            windows[:, t] = np.minimum(symbol, V - 1)
        return windows[:, : context + 1]

    @cached_property
    def _table(self) -> NDArray[np.float64]:
        """One flat table, row r shifted by r, so that one sorted search inverts every row's distribution at once."""
        cumulative = self.transition.reshape(-1, self.vocab).cumsum(axis=1)
        return np.asarray((cumulative / cumulative[:, -1:] + np.arange(len(cumulative))[:, None]).ravel())

    def truth(self, inputs: Array) -> NDArray[np.float32]:
        """P(target | inputs so far): early targets from what there is, later ones from the last `order` symbols."""
        index = inputs.astype(np.int64)
        T = index.shape[1]
        truth = np.empty((*index.shape, self.vocab), dtype=np.float32)
        for n, p in enumerate(self.conditionals[:-1][:T], start=1):
            truth[:, n - 1] = p[tuple(index[:, s] for s in range(n))]
        first = self.order - 1
        if first < T:
            truth[:, first:] = self.transition[tuple(index[:, s : T - first + s] for s in range(self.order))]
        return truth

    def facts(self) -> Mapping[str, object]:
        """The definition, and the hash of the transition probabilities."""
        return {
            "source": (
                f"order-{self.order} Markov chain, vocabulary {self.vocab}, zipf {self.zipf}, pair {self.pair}, "
                f"last {self.last}"
            ),
            "licence": "Apache-2.0 (generated)",
            "version": "1",
            "sha256": hashlib.sha256(self.transition.tobytes()).hexdigest(),
        }


class Chains(Made):
    """Chains by their order and vocabulary."""

    name = "chain"
    usage = "chain[:order=3|vocab=16|zipf=1|pair=1.5|last=1]"
    options: ClassVar[Options] = {
        "order": whole,
        "vocab": whole,
        "zipf": float,
        "pair": float,
        "last": float,
    }
    made = Chain


KIND = Chains()
