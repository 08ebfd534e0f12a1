"""Byte-level corpora over local text files, with whole files held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Corpus, Windows
from scalelaw.errors import DataError

HELD_OUT = 32
"""One document in so many, by its hash, is for validation, and as many are held out."""


def split_of(digest: str) -> str:
    """`train`, `validation` or `held_out`, from the sha256 of a document."""
    return {0: "held_out", HELD_OUT // 2: "validation"}.get(int(digest[:8], 16) % HELD_OUT, "train")


class ByteCorpus(Corpus):
    """The bytes of text files, each distinct content once, ordered by its hash so that the order means nothing.

    A document's hash says which split it is in: whole documents, and the same ones whatever else is in the corpus.
    """

    vocab = 256
    source: str
    licence: str

    def files(self) -> Iterable[Path]:
        """The files, in any order."""
        raise NotImplementedError

    @cached_property
    def _documents(self) -> dict[str, bytes]:
        contents = (path.read_bytes() for path in self.files())
        by_hash = {hashlib.sha256(content).hexdigest(): content for content in contents if content}
        return dict(sorted(by_hash.items()))

    def _split(self, split: str) -> NDArray[np.uint8]:
        texts = (text for digest, text in self._documents.items() if split_of(digest) == split)
        return np.frombuffer(b"\0".join(texts), dtype=np.uint8)

    @cached_property
    def train_bytes(self) -> NDArray[np.uint8]:
        """The training split, documents separated by a zero byte."""
        return self._split("train")

    @cached_property
    def validation_bytes(self) -> NDArray[np.uint8]:
        """The validation split, likewise."""
        return self._split("validation")

    @cached_property
    def held_out_bytes(self) -> NDArray[np.uint8]:
        """The held-out split, likewise."""
        return self._split("held_out")

    def training(self, context: int, count: int, seed: int) -> Windows:
        """Windows of consecutive bytes in a shuffled order; each byte is a target at most once."""
        return self._windows(self.train_bytes, context, count, np.random.default_rng([seed, 7]))

    def validation(self, context: int, count: int) -> Windows:
        """A fixed random sample of the validation windows."""
        return self._windows(self.validation_bytes, context, count, np.random.default_rng(2011))

    def held_out(self, context: int, count: int) -> Windows:
        """A fixed random sample of the held-out windows."""
        return self._windows(self.held_out_bytes, context, count, np.random.default_rng(2012))

    def _windows(self, text: NDArray[np.uint8], context: int, count: int, rng: np.random.Generator) -> Windows:
        available = (len(text) - 1) // context
        if count > available:
            raise DataError(
                "E_DATA_TOO_SMALL",
                f"the corpus {self.name} has {available * context:,} tokens in this split, and text is not repeated",
                value=f"{count * context:,} tokens wanted",
                remedy="lower n_tokens, use a larger corpus, or repeat it on purpose with unique_tokens",
            )
        return Windows(text, rng.permutation(available)[:count] * context, context)

    def facts(self) -> Mapping[str, object]:
        """Source, licence, sizes of the splits and the hash of the documents' hashes."""
        digest = hashlib.sha256("".join(self._documents).encode()).hexdigest()
        return {
            "source": self.source,
            "licence": self.licence,
            "documents": len(self._documents),
            "train_tokens": len(self.train_bytes),
            "validation_tokens": len(self.validation_bytes),
            "held_out_tokens": len(self.held_out_bytes),
            "sha256": digest,
        }
