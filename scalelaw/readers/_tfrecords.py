"""TFRecord framing, as event files have it: length, its checksum, data, their checksum; checksums are masked CRC-32C.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details". CRC-32C is Castagnoli's
(RFC 3720, appendix B.4); the mask rotates it by 15 bits and adds a constant. Python has no CRC-32C of its own, and a
byte at a time is slow, so all records of a file advance together, a byte of each in one NumPy operation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Words = NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8
PIECE = 512
"""Bytes that one lane takes of a record: a long record is many lanes, whose checksums are put together."""
LENGTH, HEADER, FOOTER = 8, 12, 4


@dataclass(frozen=True)
class Framed:
    """The records of a file up to where they `stop`, the offset of a record that is not whole; None where all are.

    `torn`: nothing follows that record, so that it was being written, or only NUL, which a crash leaves.
    """

    records: list[bytes]
    stop: int | None = None
    torn: bool = False


def framed(content: bytes) -> Framed:
    """The records of an event file, each with both of its checksums verified."""
    ends = _ends(content)
    begins = np.concatenate(([0], ends[:-1])).astype(np.int64) if len(ends) else ends
    view, bodies = np.frombuffer(content, dtype=np.uint8), begins + HEADER
    lengths = ends - FOOTER - bodies
    whole = (_masked(_checksums(view, begins, np.full_like(begins, LENGTH))) == _words(view, begins + LENGTH)) & (
        _masked(_checksums(view, bodies, lengths)) == _words(view, ends - FOOTER)
    )
    count = len(ends) if whole.all() else int(np.argmin(whole))
    records = [content[at : at + n] for at, n in zip(bodies[:count].tolist(), lengths.tolist(), strict=False)]
    stop = int(ends[count - 1]) if count else 0
    if stop == len(content):
        return Framed(records)
    rest = content[int(ends[count]) :] if count < len(ends) else content[stop:]
    cut = count == len(ends) and _cut(view, stop)
    return Framed(records, stop, cut or not rest.strip(b"\0"))


def _ends(content: bytes) -> Offsets:
    """Where each record ends, by the lengths they state; one that would end behind the file is left out."""
    ends, at, size = [], 0, len(content)
    while at + HEADER + FOOTER <= size:
        at += HEADER + int.from_bytes(content[at : at + LENGTH], "little") + FOOTER
        if at <= size:
            ends.append(at)
    return np.array(ends, dtype=np.int64)


def _cut(view: Bytes, at: int) -> bool:
    """Whether the record that has no end was cut: too short for a length, or its length is what was written."""
    place = np.array([at])
    if at + HEADER > len(view):
        return True
    return bool(_masked(_checksums(view, place, np.array([LENGTH])))[0] == _words(view, place + LENGTH)[0])


def crc32c(data: bytes) -> int:
    """The CRC-32C of bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    view = np.frombuffer(data, dtype=np.uint8)
    return int(_checksums(view, np.array([0]), np.array([len(data)]))[0])


def _masked(checksums: Words) -> Words:
    turned: Words = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return turned + np.uint32(MASK)


def _words(view: Bytes, at: Offsets) -> Words:
    """Little-endian 32-bit words at these offsets."""
    words = np.zeros(len(at), dtype=np.uint32)
    for place in range(4):
        words |= view[at + place].astype(np.uint32) << np.uint32(8 * place)
    return words


def _checksums(view: Bytes, starts: Offsets, lengths: Offsets) -> Words:
    """CRC-32C of each stretch. The first piece of a stretch is the short one, so that all others are of one length."""
    pieces = np.maximum(1, -(-lengths // PIECE))
    record = np.repeat(np.arange(len(starts)), pieces)
    first = np.cumsum(pieces) - pieces
    place = np.arange(len(record)) - first[record]
    short = lengths - (pieces - 1) * PIECE
    begins = starts[record] + np.where(place > 0, short[record] + (place - 1) * PIECE, 0)
    sizes = np.where(place > 0, PIECE, short[record])
    lanes = _advanced(view, begins, sizes, np.where(place > 0, 0, 0xFFFFFFFF).astype(np.uint32))
    result: Words = lanes[first]
    for turn in range(1, int(pieces.max(initial=1))):
        among = pieces > turn
        result[among] = _past_a_piece(result[among]) ^ lanes[first[among] + turn]
    result ^= np.uint32(0xFFFFFFFF)
    return result


def _advanced(view: Bytes, begins: Offsets, sizes: Offsets, state: Words) -> Words:
    order = np.argsort(-sizes, kind="stable")
    begins, state = begins[order], state[order]
    longer = np.searchsorted(-sizes[order], -np.arange(int(sizes.max(initial=0))), side="left")
    for byte, lanes in enumerate(longer.tolist()):
        now = state[:lanes]
        state[:lanes] = _TABLE[(now ^ view[begins[:lanes] + byte]) & np.uint32(0xFF)] ^ (now >> np.uint32(8))
    result = np.empty_like(state)
    result[order] = state
    return result


def _past_a_piece(state: Words) -> Words:
    """The states after a piece of zeros: the map is linear over the bits, so four look-ups of a byte each."""
    result = np.zeros_like(state)
    for place, table in enumerate(_SHIFTS):
        result ^= table[(state >> np.uint32(8 * place)) & np.uint32(0xFF)]
    return result


def _table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE = _table()
_SHIFTS = [
    _advanced(
        np.zeros(PIECE, dtype=np.uint8),
        np.zeros(256, dtype=np.int64),
        np.full(256, PIECE, dtype=np.int64),
        np.arange(256, dtype=np.uint32) << np.uint32(8 * place),
    )
    for place in range(4)
]
