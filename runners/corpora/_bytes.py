"""Byte-level corpora over local text files, with whole files held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from runners.corpora.base import Corpus, Windows
from scalelaw.errors import DataError

HELD_OUT = 16
"""One document in so many, by its hash, is held out."""


class ByteCorpus(Corpus):
    """The bytes of text files, each distinct content once, ordered by its hash so that the order means nothing.

    A document is held out when its hash says so: whole documents, and the same ones whatever else is in the corpus.
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

    def _split(self, held_out: bool) -> NDArray[np.uint8]:
        chosen = [text for digest, text in self._documents.items() if (int(digest[:8], 16) % HELD_OUT == 0) is held_out]
        return np.frombuffer(b"\0".join(chosen), dtype=np.uint8)

    @cached_property
    def train_bytes(self) -> NDArray[np.uint8]:
        """The training split, documents separated by a zero byte."""
        return self._split(held_out=False)

    @cached_property
    def held_out_bytes(self) -> NDArray[np.uint8]:
        """The held-out split, likewise."""
        return self._split(held_out=True)

    def training(self, context: int, count: int, seed: int) -> Windows:
        """Windows of consecutive bytes in a shuffled order; each byte is a target at most once."""
        return self._windows(self.train_bytes, context, count, np.random.default_rng([seed, 7]))

    def validation(self, context: int, count: int) -> Windows:
        """A fixed random sample of the held-out windows."""
        return self._windows(self.held_out_bytes, context, count, np.random.default_rng(2011))

    def _windows(self, text: NDArray[np.uint8], context: int, count: int, rng: np.random.Generator) -> Windows:
        available = (len(text) - 1) // context
        if count > available:
            raise DataError(
                "E_DATA_TOO_SMALL",
                f"the corpus {self.name} has {available * context:,} tokens in this split, and text is not repeated",
                value=f"{count * context:,} tokens wanted",
                remedy="lower n_tokens, or use a larger corpus",
            )
        starts = rng.permutation(available)[:count] * context
        return np.asarray(sliding_window_view(text, context + 1)[starts])  # no table of indices, eight bytes a token

    def facts(self) -> Mapping[str, object]:
        """Source, licence, sizes of the splits and the hash of the documents' hashes."""
        digest = hashlib.sha256("".join(self._documents).encode()).hexdigest()
        return {
            "source": self.source,
            "licence": self.licence,
            "documents": len(self._documents),
            "train_tokens": len(self.train_bytes),
            "held_out_tokens": len(self.held_out_bytes),
            "sha256": digest,
        }
