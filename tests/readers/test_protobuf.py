"""The walk over the wire format gives back what was written, and refuses what was not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalelaw.readers._protobuf import BYTES, FIXED32, FIXED64, VARINT, Malformed, fields, signed

NUMBERS = st.integers(1, 2**29 - 1)
FIELDS = st.one_of(
    st.tuples(NUMBERS, st.just(VARINT), st.integers(0, 2**64 - 1)),
    st.tuples(NUMBERS, st.just(BYTES), st.binary(max_size=200)),
    st.tuples(NUMBERS, st.just(FIXED64), st.binary(min_size=8, max_size=8)),
    st.tuples(NUMBERS, st.just(FIXED32), st.binary(min_size=4, max_size=4)),
)


def varint(value: int) -> bytes:
    """An integer in groups of 7 bits."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, wire: int, value: int | bytes) -> bytes:
    """A field as it is written."""
    key = varint(number << 3 | wire)
    if isinstance(value, int):
        return key + varint(value)
    return key + (varint(len(value)) if wire == BYTES else b"") + value


@given(st.lists(FIELDS, max_size=20))
def test_what_was_written_is_read_back(written: list[tuple[int, int, int | bytes]]) -> None:
    assert list(fields(b"".join(field(*item) for item in written))) == written


@given(st.binary(max_size=300))
def test_any_bytes_are_walked_or_refused(data: bytes) -> None:
    try:
        walked = list(fields(data))
    except Malformed:
        return
    assert all(number > 0 for number, _, _ in walked)


@given(st.lists(FIELDS, min_size=1, max_size=5), st.data())
def test_a_message_cut_inside_a_field_is_refused(
    written: list[tuple[int, int, int | bytes]], data: st.DataObject
) -> None:
    last = field(*written[-1])
    cut = data.draw(st.integers(1, len(last) - 1))
    with pytest.raises(Malformed):
        list(fields(b"".join(field(*item) for item in written[:-1]) + last[:cut]))


def test_negative_numbers_are_the_upper_half() -> None:
    assert [signed(value) for value in (0, 2**63 - 1, 2**63, 2**64 - 1)] == [0, 2**63 - 1, -(2**63), -1]
