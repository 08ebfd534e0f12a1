"""The frames of a `.wandb` file: records in LevelDB's log format, behind a header of W&B's own.

A file is `:W&B`, the magic number 0xBEE1 and a version byte, then blocks of 32 KiB. A chunk is a CRC-32 of type and
data (IEEE, not masked; 4 bytes), a length (2), a type (1) and data; no chunk crosses a block, and a record is one full
chunk or a first, some middle and a last one. Integers have their lowest byte first.
Format: https://github.com/google/leveldb/blob/main/doc/log_format.md
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scalelaw.errors import DataError
from scalelaw.runs import Note

MAGIC = b":W&B"
HEADER = MAGIC + b"\xe1\xbe\x00"
BLOCK = 32_768
"""Bytes of a block; the file's header counts towards the first."""
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

_CHUNK = struct.Struct("<IHB")


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: int
    data: bytes
    at: int


class _TornError(Exception):
    """The file ends, or holds nothing but zeros, from here on."""


def wandb_records(path: Path, content: bytes) -> tuple[list[bytes], tuple[Note, ...]]:
    """The records of a file, and a note where its last one is incomplete, as a killed process leaves it.

    Raises `DataError`: E_FORMAT for another version of the format, E_CORRUPT for bytes that were changed.
    """
    if not content.startswith(HEADER):
        problem = "a .wandb file begins with the bytes 3a 57 26 42 e1 be 00"
        remedy = "export the run as CSV, or copy the file again"
        raise DataError("E_FORMAT", problem, file=path, value=content[: len(HEADER)].hex(" "), remedy=remedy)
    records: list[bytes] = []
    parts: list[bytes] = []
    began = len(HEADER)
    try:
        for chunk in _chunks(path, content, records):
            if (chunk.kind in (FULL, FIRST)) == bool(parts) or chunk.kind not in (FULL, FIRST, MIDDLE, LAST):
                raise _corrupt(path, f"a chunk of type {chunk.kind} does not follow", len(records), chunk.at)
            began = began if parts else chunk.at
            parts.append(chunk.data)
            if chunk.kind in (FULL, LAST):
                records.append(b"".join(parts))
                parts = []
    except _TornError as torn:
        return records, (_torn_note(records, began if parts else torn.args[0]),)
    return records, (_torn_note(records, began),) if parts else ()


def _chunks(path: Path, content: bytes, records: list[bytes]) -> Iterator[_Chunk]:
    """Chunks in order; `records` only tells how many are complete, for messages."""
    at, end = len(HEADER), len(content)
    while at < end:
        left = BLOCK - at % BLOCK
        if left < _CHUNK.size:  # the end of a block that is too short for a chunk is filled with zeros
            at += left
            continue
        if at + _CHUNK.size > end:
            raise _TornError(at)
        crc, length, kind = _CHUNK.unpack_from(content, at)
        data, after = content[at + _CHUNK.size : at + _CHUNK.size + length], at + _CHUNK.size + length
        if not (crc or length or kind) and not content[at:].strip(b"\0"):
            raise _TornError(at)
        if length > left - _CHUNK.size:
            raise _corrupt(path, f"a length of {length} bytes crosses a block", len(records), at)
        if after > end:
            raise _TornError(at)
        if zlib.crc32(bytes([kind]) + data) != crc:
            raise _corrupt(path, "the checksum does not fit the data", len(records), at)
        yield _Chunk(kind, data, at)
        at = after


def _corrupt(path: Path, problem: str, complete: int, at: int) -> DataError:
    where = f"record {complete + 1}, at byte offset {at}"
    remedy = "copy the file again from where the run was trained"
    return DataError("E_CORRUPT", f"{where}: {problem}", file=path, remedy=remedy)


def _torn_note(records: list[bytes], at: int) -> Note:
    sentence = f"the file ends within record {len(records) + 1}, which begins at byte offset {at}"
    return Note("W_TRUNCATED", f"{sentence}; the {len(records)} before it are read")
