"""Token shards on disk: llm.c's .bin with its header, nanoGPT's .bin without one, and .npy."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Array
from scalelaw.errors import DataError

Dtype = np.dtype[np.unsignedinteger]

HEADER = 256
"""int32 numbers before the tokens of llm.c: magic, version, number of tokens, zeros."""
FORMATS: dict[int, tuple[int, Dtype]] = {20240520: (1, np.dtype("<u2")), 20240801: (7, np.dtype("<u4"))}
"""Version and type by magic number, as llm.c's dev/data/data_common.py writes them for GPT-2 and Llama 3."""


def open_shard(path: Path, headerless: Dtype) -> Array:
    """A memory map of the tokens of a shard; `headerless` is their type where the file does not say it.

    Raises:
        DataError: for a file that is cut short, or that holds no whole numbers in one dimension.
    """
    if path.suffix == ".npy":
        return _open_npy(path)
    size = path.stat().st_size
    start = np.fromfile(path, dtype="<i4", count=3)
    if len(start) == 3 and int(start[0]) in FORMATS:
        version, dtype = FORMATS[int(start[0])]
        found = (size - 4 * HEADER) // dtype.itemsize
        if int(start[1]) != version or int(start[2]) != found:
            raise DataError(
                "E_BAD_SHARD",
                f"its header says version {version} and {found:,} tokens, as its size does, or it is cut short",
                file=path,
                value=f"version {start[1]}, {start[2]:,} tokens",
                remedy="write the shard again",
            )
        return np.memmap(path, dtype=dtype, mode="r", offset=4 * HEADER) if found else np.zeros(0, dtype)
    if size % headerless.itemsize or not size:
        raise DataError("E_BAD_SHARD", f"its size is no multiple of {headerless}", file=path, value=f"{size} bytes")
    return np.memmap(path, dtype=headerless, mode="r")


def _open_npy(path: Path) -> Array:
    try:
        tokens: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise DataError("E_BAD_SHARD", f"no array of numbers ({error})", file=path) from None
    if tokens.ndim != 1 or tokens.dtype.kind not in "ui":
        raise DataError(
            "E_BAD_SHARD", "a shard is one row of whole numbers", file=path, value=f"{tokens.dtype} {tokens.shape}"
        )
    return tokens


class ShardWriter:
    """Writes a split as llm.c's shards `SPLIT_000000.bin` of at most `most` tokens; each is headed when it is whole."""

    def __init__(self, folder: Path, split: str, dtype: Dtype, most: int) -> None:
        self.folder, self.split, self.most = folder, split, most
        self.dtype = dtype.newbyteorder("<")
        self.shards: dict[str, str] = {}
        self.tokens = 0
        self._waiting: list[Array] = []
        self._waiting_tokens = 0

    def add(self, tokens: Array) -> None:
        """A document's tokens; it may go on in the next shard."""
        self.tokens += len(tokens)
        while len(tokens):
            room = self.most - self._waiting_tokens
            self._waiting.append(tokens[:room].astype(self.dtype))
            self._waiting_tokens += len(self._waiting[-1])
            tokens = tokens[room:]
            if self._waiting_tokens == self.most:
                self.flush()

    def flush(self) -> None:
        """Write what waits as one shard."""
        if not self._waiting:
            return
        magic, (version, _) = next(item for item in FORMATS.items() if item[1][1] == self.dtype)
        header = np.zeros(HEADER, "<i4")
        header[:3] = magic, version, self._waiting_tokens
        name = f"{self.split}_{len(self.shards):06d}.bin"
        content = header.tobytes() + b"".join(part.tobytes() for part in self._waiting)
        (self.folder / name).write_bytes(content)
        self.shards[name] = hashlib.sha256(content).hexdigest()
        self._waiting, self._waiting_tokens = [], 0
