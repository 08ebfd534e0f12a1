"""Byte-pair encoding, by the package `tokenizers` (extra `text`): trained on the training split alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runners.corpora._bytes import ByteCorpus
from runners.corpora._text import SPLITS, TextCorpus
from runners.corpora.base import Array
from scalelaw.caching import cached
from scalelaw.errors import DataError, MissingExtraError, UsageError

END = "<|endoftext|>"
SMALLEST = 257
"""The bytes and the end of a document."""
BATCH = 256


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer as the package `tokenizers` writes it in JSON; `name` says it in words.

    A document that is not UTF-8 is encoded with U+FFFD in place of what cannot be read.
    """

    json: str
    name: str

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """From a `tokenizer.json`; `DataError` where it is none."""
        library = _library()
        try:
            text = Path(path).read_text(encoding="utf-8")
            library.Tokenizer.from_str(text)
        except Exception as error:  # the package raises plain exceptions
            raise DataError("E_NOT_A_TOKENIZER", f"no tokenizer.json ({error})", file=path) from None
        return cls(text, Path(path).name)

    @cached_property
    def _model(self) -> Any:
        return _library().Tokenizer.from_str(self.json)

    @property
    def vocab(self) -> int:
        """Its tokens."""
        return int(self._model.get_vocab_size())

    @cached_property
    def end(self) -> int:
        """The token after each document."""
        for end in (END, "</s>", "<|end_of_text|>", "<eos>"):
            found = self._model.token_to_id(end)
            if found is not None:
                return int(found)
        raise DataError("E_NO_END_TOKEN", "the tokenizer has no token for the end of a text", value=self.name)

    @property
    def dtype(self) -> type[np.uint16 | np.uint32]:
        """The smallest type that holds its tokens."""
        return np.uint16 if self.vocab <= 2**16 else np.uint32

    @cached_property
    def sha256(self) -> str:
        """The hash of its JSON."""
        return hashlib.sha256(self.json.encode()).hexdigest()

    def encode(self, texts: Iterable[bytes]) -> Iterator[Array]:
        """The tokens of each document, its end included."""
        batch: list[str] = []
        for text in texts:
            batch.append(text.decode("utf-8", errors="replace"))
            if len(batch) == BATCH:
                yield from self._encode(batch)
                batch = []
        yield from self._encode(batch)

    def _encode(self, batch: list[str]) -> Iterator[Array]:
        for encoding in self._model.encode_batch_fast(batch, add_special_tokens=False):
            yield np.array([*encoding.ids, self.end], dtype=self.dtype)


def train(texts: Iterable[bytes], vocab: int) -> Tokenizer:
    """A byte-level BPE of `vocab` tokens: every byte, the end of a document, and the most frequent merges.

    Raises:
        UsageError: below 257 tokens.
        DataError: where the texts have too few pairs for so many.
    """
    if vocab < SMALLEST:
        raise UsageError(f"A byte-level BPE has at least {SMALLEST} tokens; found {vocab}.")
    library = _library()
    model = library.Tokenizer(library.models.BPE())
    model.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = library.decoders.ByteLevel()
    alphabet = sorted(library.pre_tokenizers.ByteLevel.alphabet())
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    model.train_from_iterator((text.decode("utf-8", errors="replace") for text in texts), trainer)
    if model.get_vocab_size() != vocab:
        raise DataError(
            "E_DATA_TOO_SMALL",
            f"the training split has pairs for a BPE of {model.get_vocab_size():,} tokens, not of {vocab:,}",
            remedy="use a smaller vocabulary or more text",
        )
    return Tokenizer(model.to_str(), f"byte-level BPE of {vocab} tokens, tokenizers {library.__version__}")


class BpeCorpus(TextCorpus):
    """A corpus of bytes in tokens of a BPE trained on its training split; both are kept in the cache by content."""

    def __init__(self, name: str, text: ByteCorpus, vocab: int) -> None:
        self.name, self.text, self.vocab = name, text, vocab
        self.source, self.licence = text.source, text.licence

    @property
    def version(self) -> str:
        """That of the text."""
        return self.text.version

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Trained at the first call, then read."""
        version = _library().__version__
        key = hashlib.sha256(f"bpe {self.vocab} {version} {self.text.sha256}".encode()).hexdigest()[:20]

        def write(path: Path) -> None:
            path.write_text(train(self.text.of_split("train"), self.vocab).json, encoding="utf-8")

        json = cached(f"bpe/{key}.json", write).read_text(encoding="utf-8")
        return Tokenizer(json, f"byte-level BPE of {self.vocab} tokens, tokenizers {version}")

    @cached_property
    def _tokens(self) -> Mapping[str, Array]:
        return {split: self._encoded(split) for split in SPLITS}

    def tokens(self, split: str) -> Array:
        """A memory map of the split's tokens, an end after each document."""
        return self._tokens[split]

    def _encoded(self, split: str) -> NDArray[np.generic]:
        key = hashlib.sha256(f"{self.tokenizer.sha256} {self.text.sha256} {split}".encode()).hexdigest()[:20]

        def write(path: Path) -> None:
            parts = [np.zeros(0, self.tokenizer.dtype), *self.tokenizer.encode(self.text.of_split(split))]
            with open(path, "wb") as file:
                np.save(file, np.concatenate(parts))

        path = cached(f"bpe/{key}.npy", write)
        return np.asarray(np.load(path, mmap_mode="r"))

    def text_bytes(self, split: str) -> int:
        """Bytes of its documents."""
        return sum(map(len, self.text.of_split(split)))

    def facts(self) -> Mapping[str, object]:
        """Also the tokenizer and the hash of the text."""
        return {
            **super().facts(),
            "documents": len(self.text.documents),
            "tokenizer": self.tokenizer.name,
            "tokenizer_sha256": self.tokenizer.sha256,
            "sha256": self.text.sha256,
        }


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise MissingExtraError("Byte-pair encoding", "text") from None
    return tokenizers
