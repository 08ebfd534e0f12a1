"""Byte-level corpora over local text files, with whole files held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runners.corpora._text import TextCorpus
from scalelaw.errors import DataError

HELD_OUT = 32
"""One document in so many, by its hash, is for validation, and as many are held out."""


def split_of(digest: str) -> str:
    """`train`, `validation` or `held_out`, from the sha256 of a document."""
    return {0: "held_out", HELD_OUT // 2: "validation"}.get(int(digest[:8], 16) % HELD_OUT, "train")


def read(path: Path) -> bytes:
    """The file's content; `DataError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            "E_UNREADABLE", f"a file of a corpus cannot be read ({error.strerror})", file=path,
            remedy="mend its rights, or move it out of the corpus's folder",
        ) from None  # fmt: skip


class ByteCorpus(TextCorpus):
    """The bytes of documents, each distinct content once, ordered by its hash so that the order means nothing.

    A document's hash says which split it is in: whole documents, and the same ones whatever else is in the corpus. A
    zero byte stands between documents.
    """

    vocab = 256

    def files(self) -> Iterable[Path]:
        """The files, in any order."""
        raise NotImplementedError

    def contents(self) -> Iterable[bytes]:
        """The documents, in any order: the files, unless a corpus says otherwise."""
        return map(read, self.files())

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """Each by its sha256."""
        by_hash = {hashlib.sha256(content).hexdigest(): content for content in self.contents() if content}
        return dict(sorted(by_hash.items()))

    def of_split(self, split: str) -> list[bytes]:
        """The documents of a split."""
        return [text for digest, text in self.documents.items() if split_of(digest) == split]

    def tokens(self, split: str) -> NDArray[np.uint8]:
        """The bytes of a split, documents separated by a zero byte."""
        return self._tokens[split]

    @cached_property
    def _tokens(self) -> dict[str, NDArray[np.uint8]]:
        return {
            split: np.frombuffer(b"\0".join(self.of_split(split)), dtype=np.uint8)
            for split in ("train", "validation", "held_out")
        }

    def text_bytes(self, split: str) -> int:
        """As many as tokens."""
        return len(self.tokens(split))

    @cached_property
    def sha256(self) -> str:
        """The hash of the documents' hashes."""
        return hashlib.sha256("".join(self.documents).encode()).hexdigest()

    def facts(self) -> Mapping[str, object]:
        """Also the number of documents and the hash of their hashes."""
        return {**super().facts(), "documents": len(self.documents), "sha256": self.sha256}
