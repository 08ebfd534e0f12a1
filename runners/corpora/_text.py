"""Text as one sequence of tokens for each split: windows of it, and none of them twice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from runners.corpora.base import Array, Corpus, Windows
from scalelaw.errors import DataError

SPLITS = ("train", "validation", "held_out")


def enough(name: str, split: str, available: int, wanted: int) -> None:
    """Refuse to train on more tokens than a split has, and to validate on a split that has none.

    Raises:
        DataError: in both cases.
    """
    if not available:
        others = "is in that split" if split != "train" else "is in each of the other splits"
        raise DataError(
            "E_DATA_TOO_SMALL",
            f"the corpus {name} has no window of that context in its split {split}",
            remedy=f"use a larger corpus or a shorter context; a document in 32, by its hash, {others}",
        )
    if split == "train" and wanted > available:
        raise DataError(
            "E_DATA_TOO_SMALL",
            f"the corpus {name} has {available:,} tokens to train on, fewer than the {wanted:,} wanted, and text "
            "is not repeated",
            remedy=f"lower n_tokens, use a larger corpus, or repeat it on purpose: unique_tokens = {available}",
        )


class TextCorpus(Corpus):
    """A corpus whose splits fit in memory or in one memory map each."""

    source: str
    licence: str

    @property
    def version(self) -> str:
        """Which edition of the source this is."""
        return "as found"

    def parts(self, split: str) -> tuple[Array, ...]:
        """The tokens of a split in pieces that no window crosses: one."""
        return (self.tokens(split),)

    @abstractmethod
    def tokens(self, split: str) -> Array:
        """All tokens of `train`, `validation` or `held_out`, `[n]`."""

    @abstractmethod
    def text_bytes(self, split: str) -> int:
        """Bytes of text behind them."""

    def training(self, context: int, count: int, seed: int) -> Windows:
        """Windows of consecutive tokens in a shuffled order; each token is a target at most once."""
        return self._windows("train", context, count, np.random.default_rng([seed, 7]))

    def validation(self, context: int, count: int) -> Windows:
        """A fixed random sample of the validation windows, or all of them in a small corpus."""
        return self._windows("validation", context, count, np.random.default_rng(2011))

    def held_out(self, context: int, count: int) -> Windows:
        """A fixed random sample of the held-out windows, or all of them in a small corpus."""
        return self._windows("held_out", context, count, np.random.default_rng(2012))

    def _windows(self, split: str, context: int, count: int, rng: np.random.Generator) -> Windows:
        text = self.tokens(split)
        available = max(len(text) - 1, 0) // context
        enough(self.name, split, available * context, count * context)
        return Windows(text, rng.permutation(available)[:count] * context, context)

    def facts(self) -> Mapping[str, object]:
        """Source, licence, version, and the sizes of the splits; losses are on `validation`, and so are its bytes."""
        validation = len(self.tokens("validation"))
        return {
            "source": self.source,
            "licence": self.licence,
            "version": self.version,
            **{f"{split}_tokens": len(self.tokens(split)) for split in SPLITS},
            "bytes_per_token": self.text_bytes("validation") / validation if validation else None,
        }
