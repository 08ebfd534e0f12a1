"""The wire format of protocol buffers, walked without a schema: a message is a sequence of numbered fields.

Encoding: https://protobuf.dev/programming-guides/encoding. Trackers' records need a handful of fields of a few
messages, whose numbers stand where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: what `fields` gives for them is an int, 8 bytes, bytes of any length, 4 bytes."""
LONGEST = 10
"""Bytes of the longest varint, which holds 64 bits."""


class Malformed(ValueError):  # noqa: N818 - a state of bytes, as its users say it
    """Bytes that are no message; the text says what and at which offset."""


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """The (number, wire type, value) of every field of a message, in order; groups are refused as `Malformed`.

    A nested message, a text and packed numbers are all `BYTES`: walk, decode or unpack the value again.

    >>> list(fields(bytes.fromhex("089601 1203616263")))
    [(1, 0, 150), (2, 2, b'abc')]
    """
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == VARINT:
            value, at = varint(data, at)
        elif wire in (FIXED64, BYTES, FIXED32):
            length, at = varint(data, at) if wire == BYTES else (8 if wire == FIXED64 else 4, at)
            value, at = data[at : at + length], at + length
        else:
            raise Malformed(f"wire type {wire} at byte {at}")
        if at > end or number == 0:
            raise Malformed(f"field {number} ends at byte {at} of {end}")
        yield number, wire, value


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned integer at an offset, in groups of 7 bits, least first; and the offset after it."""
    if at < len(data) and data[at] < 0x80:  # most are: keys, and lengths of short texts
        return data[at], at + 1
    value = 0
    for place, byte in enumerate(data[at : at + LONGEST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise Malformed(f"an integer at byte {at} has no end")


def signed(value: int) -> int:
    """The negative number that an int32 or int64 field wrote as 64 bits.

    >>> signed(2**64 - 5), signed(7)
    (-5, 7)
    """
    return value - (1 << 64) if value >> 63 else value
