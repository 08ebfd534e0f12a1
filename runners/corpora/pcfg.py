"""A probabilistic context-free grammar whose sentences have one derivation each: entropy and truth are exact."""

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

SEED = 20240701


class Grammar(Corpus):
    """S -> x_0; at level l of `depth`, symbol x -> z y by one of its `rules`, the r-th of them with p_r ~ r^-zipf.

    All sentences have 2^depth terminals. No pair z y is the right side of two symbols of a level, so a pair tells its
    parent, a sentence its derivation, and H(sentence) = H(x_0) + (2^depth - 1) H(rule), whatever the pairs are. With
    Zipf's rules a model learns ever rarer ones as it reads on (the random hierarchy model of Cagnetta et al. 2024,
    arXiv 2307.02129, with unequal rules). Windows hold whole sentences after one start symbol, the vocabulary's
    last.
    """

    def __init__(
        self, name: str = "pcfg", symbols: int = 16, rules: int = 8, depth: int = 3, zipf: float = 1.0
    ) -> None:
        if symbols < 2 or rules > symbols or depth > 16:
            raise UsageError(
                "A grammar has at least 2 symbols, at most as many rules for each as there are symbols, and a depth up "
                f"to 16; found symbols {symbols}, rules {rules}, depth {depth}."
            )
        self.name, self.symbols, self.rules, self.depth, self.zipf = name, symbols, rules, depth, zipf
        self.vocab = symbols + 1
        self.length: int = 2**depth

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """The right side z n + y of every rule, `[depth, x, r]`; n symbols."""
        rng = np.random.default_rng(SEED)
        n, m = self.symbols, self.rules
        return np.stack([rng.permutation(n * n)[: n * m].reshape(n, m) for _ in range(self.depth)])

    @cached_property
    def rule_shares(self) -> NDArray[np.float64]:
        """p_r, `[r]`."""
        return _zipf(self.rules, self.zipf)

    @cached_property
    def first_shares(self) -> NDArray[np.float64]:
        """P(x_0), `[x]`."""
        return _zipf(self.symbols, self.zipf)

    @cached_property
    def _parents(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The symbol a pair stands for and the share of that rule, both `[depth, z, y]`; share 0 where no rule is."""
        n = self.symbols
        parent, share = np.zeros((self.depth, n * n), np.int64), np.zeros((self.depth, n * n))
        for level, pairs in enumerate(self.pairs):
            parent[level, pairs] = np.arange(n)[:, None]
            share[level, pairs] = self.rule_shares
        return parent.reshape(self.depth, n, n), share.reshape(self.depth, n, n)

    @cached_property
    def _lefts(self) -> NDArray[np.float64]:
        """P(z | x), `[depth, x, z]`."""
        n = self.symbols
        lefts = np.zeros((self.depth, n, n))
        for level, pairs in enumerate(self.pairs):
            np.add.at(lefts[level], (np.arange(n)[:, None], pairs // n), self.rule_shares)
        return lefts

    def entropy(self, context: int) -> float:
        """[H(x_0) + (2^depth - 1) H(rule)] / 2^depth, nats/token."""
        self._sentences(context)
        return float((_entropy(self.first_shares) + (self.length - 1) * _entropy(self.rule_shares)) / self.length)

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Independent sentences, as many as fill each window."""
        return self._generated(context, count, 1, seed)

    def validation(self, context: int, count: int) -> Examples:
        """Likewise, from a stream of their own."""
        return self._generated(context, count, 2, 0)

    def _generated(self, context: int, count: int, *stream: int) -> Generated:
        in_window = self._sentences(context)

        def block(number: int) -> tuple[Array, Array]:
            sentences = self.sample(1024 * in_window, np.random.default_rng([SEED, *stream, number]))
            targets = sentences.reshape(1024, context)
            start = np.full((1024, 1), self.symbols, targets.dtype)
            return np.concatenate([start, targets[:, :-1]], axis=1), targets

        return Generated(count, block, 1024)

    def _sentences(self, context: int) -> int:
        """Sentences in a window."""
        if context % self.length:
            raise UsageError(
                f"Windows of {self.name} hold whole sentences: set context to a multiple of {self.length}; "
                f"found {context}."
            )
        return context // self.length

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """`[count, 2^depth]` terminals."""
        symbols = rng.choice(self.symbols, size=(count, 1), p=self.first_shares)
        for pairs in self.pairs:
            rule = rng.choice(self.rules, size=symbols.shape, p=self.rule_shares)
            symbols = np.stack(np.divmod(pairs[symbols, rule], self.symbols), axis=-1).reshape(count, -1)
        return symbols.astype(np.uint8 if self.vocab <= 256 else np.uint16)

    def truth(self, inputs: Array) -> NDArray[np.float32]:
        """P(target | inputs so far), exactly: what has been read of a sentence is whole subtrees of known roots.

        A node's distribution given all to its left is passed down: to its left child by P(z | x), and to its right one,
        once z is known, as P(y | z) ~ P(parent of z y) share of z y.
        """
        in_window = self._sentences(inputs.shape[1])
        # The last target is in no input and no other target depends on it.
        read = np.concatenate([inputs[:, 1:], np.zeros_like(inputs[:, :1])], axis=1).astype(np.int64)
        belief = np.broadcast_to(self.first_shares, (len(read) * in_window, self.symbols))
        shares, _ = self._below(0, belief, read.reshape(-1, self.length))
        truth = np.zeros((*inputs.shape, self.vocab), dtype=np.float32)
        truth[..., : self.symbols] = shares.reshape(*inputs.shape, self.symbols)
        return truth

    def _below(
        self, level: int, belief: NDArray[np.float64], read: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Distributions `[B, T, n]` of the terminals below a node believed to be `[B, n]`, and the node itself."""
        if level == self.depth:
            return belief[:, None], read[:, 0]
        parent, share = self._parents[0][level], self._parents[1][level]
        half = read.shape[1] // 2
        left, z = self._below(level + 1, belief @ self._lefts[level], read[:, :half])
        weights = np.take_along_axis(belief, parent[z], axis=1) * share[z]
        right, y = self._below(level + 1, weights / weights.sum(axis=1, keepdims=True), read[:, half:])
        return np.concatenate([left, right], axis=1), parent[z, y]

    def facts(self) -> Mapping[str, object]:
        """The definition, and the hash of the rules."""
        return {
            "source": (
                f"context-free grammar, {self.symbols} symbols a level, {self.rules} rules each, sentences of "
                f"{self.length}, zipf {self.zipf}"
            ),
            "licence": "Apache-2.0 (generated)",
            "version": "1",
            "sha256": hashlib.sha256(self.pairs.tobytes() + self.rule_shares.tobytes()).hexdigest(),
        }


def _zipf(n: int, exponent: float) -> NDArray[np.float64]:
    weights = np.arange(1, n + 1) ** -exponent
    return np.asarray(weights / weights.sum())


def _entropy(p: NDArray[np.float64]) -> float:
    return float(-np.sum(p * np.log(p)))


class Grammars(Made):
    """Grammars by their size."""

    name = "pcfg"
    usage = "pcfg[:symbols=16|rules=8|depth=3|zipf=1]"
    options: ClassVar[Options] = {
        "symbols": whole,
        "rules": whole,
        "depth": whole,
        "zipf": float,
    }
    made = Grammar


KIND = Grammars()
