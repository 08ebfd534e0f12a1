"""Documents become token shards, split by their content, with a description beside them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runners.corpora import _bpe
from runners.corpora._bytes import split_of
from runners.corpora._shard_files import Dtype, ShardWriter
from runners.corpora._text import SPLITS
from runners.corpora.base import Array
from scalelaw.errors import DataError, UsageError

DESCRIPTION = "corpus.json"
SHARD_TOKENS = 2**27
BPE_SAMPLE = 2**28
"""Bytes of the training split that a tokenizer is trained on, from its start."""

Documents = Callable[[], Iterable[bytes]]


def pack(
    documents: Documents,
    folder: Path,
    *,
    source: str,
    licence: str = "not stated",
    version: str = "as found",
    bpe: int | None = None,
    tokenizer: str | Path | None = None,
    shard_tokens: int = SHARD_TOKENS,
) -> Mapping[str, Any]:
    """Write the documents' tokens below `folder`; returns their description, which is written last.

    Args:
        documents: gives the documents, each time from the first.
        bpe: the vocabulary of a BPE to train on the training split; `tokenizer` names one that there is. Without either
            the tokens are bytes, a zero byte after each document.

    A document's hash says which split it is in, and a document met before is left out.

    Raises:
        UsageError: where the folder holds a corpus already, or both a BPE and a tokenizer are asked for.
        DataError: where there is no document.
    """
    if (folder / DESCRIPTION).exists():
        raise UsageError(f"{folder} holds a corpus already. Next: name another folder, or remove it.")
    if bpe and tokenizer:
        raise UsageError("A corpus has one tokenizer: give bpe or tokenizer, not both.")
    chosen = _bpe.Tokenizer.load(tokenizer) if tokenizer else _trained(documents, bpe) if bpe else None
    folder.mkdir(parents=True, exist_ok=True)
    dtype: Dtype = np.dtype(chosen.dtype if chosen else np.uint16)
    writers = {split: ShardWriter(folder, split, dtype, shard_tokens) for split in SPLITS}
    labelled = Labelled(documents())
    for encoded in chosen.encode(labelled) if chosen else map(_as_bytes, labelled):
        writers[labelled.next_split()].add(encoded)
    for writer in writers.values():
        writer.flush()
    if not labelled.seen:
        raise DataError("E_NO_CORPUS", "there is no document to pack", value=source)
    if chosen:
        (folder / "tokenizer.json").write_text(chosen.json, encoding="utf-8")
    shards = {name: digest for writer in writers.values() for name, digest in writer.shards.items()}
    description = {
        "source": source,
        "licence": licence,
        "version": version,
        "vocab": chosen.vocab if chosen else 256,
        "tokenizer": chosen.name if chosen else "bytes",
        "tokenizer_sha256": chosen.sha256 if chosen else None,
        "splits": {split: {**labelled.counts[split], "tokens": writers[split].tokens} for split in SPLITS},
        "documents_left_out_as_repeats": labelled.repeats,
        "shards": shards,
        "sha256": hashlib.sha256(json.dumps(shards, sort_keys=True).encode()).hexdigest(),
    }
    temporary = folder / f"{DESCRIPTION}.tmp"
    temporary.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, folder / DESCRIPTION)
    return description


class Labelled:
    """Documents one after the other, each content once; remembers the split of those that wait to be encoded.

    Eight bytes of each document's hash are remembered, about 60 bytes a document.
    """

    def __init__(self, documents: Iterable[bytes]) -> None:
        self._documents = documents
        self._waiting: deque[str] = deque()
        self.seen: set[bytes] = set()
        self.repeats = 0
        self.counts = {split: {"documents": 0, "bytes": 0} for split in SPLITS}

    def __iter__(self) -> Iterator[bytes]:
        for text in filter(None, self._documents):
            digest = hashlib.sha256(text).digest()
            if digest[:8] in self.seen:
                self.repeats += 1
                continue
            self.seen.add(digest[:8])
            split = split_of(digest.hex())
            self.counts[split]["documents"] += 1
            self.counts[split]["bytes"] += len(text)
            self._waiting.append(split)
            yield text

    def next_split(self) -> str:
        """The split of the first document that has been given out and not yet been asked for."""
        return self._waiting.popleft()


def packed_once(folder: Path, write: Callable[[Path], object]) -> Path:
    """`folder`, filled by `write` where it holds no corpus; another process may do so at the same time."""
    if not (folder / DESCRIPTION).exists():
        mine = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(mine, ignore_errors=True)
        try:
            write(mine)
            try:
                os.replace(mine, folder)
            except OSError:  # not empty: the other was faster
                if not (folder / DESCRIPTION).exists():
                    raise
        finally:
            shutil.rmtree(mine, ignore_errors=True)
    return folder


def _trained(documents: Documents, vocab: int) -> _bpe.Tokenizer:
    sample, size = [], 0
    for text in documents():
        if split_of(hashlib.sha256(text).hexdigest()) == "train":
            sample.append(text)
            size += len(text)
            if size >= BPE_SAMPLE:
                break
    return _bpe.train(sample, vocab)


def _as_bytes(text: bytes) -> Array:
    return np.frombuffer(text + b"\0", dtype=np.uint8)
