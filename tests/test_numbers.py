"""Numbers are read as people write them, and only where the writing leaves no doubt."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalelaw.numbers import ascii_digits, format_quantity, parse_number

ACCEPTED = {
    "70M": 70e6,
    "1.4T": 1.4e12,
    "1.4 T": 1.4e12,
    "0.5k": 500.0,
    "2G": 2e9,
    " 1e21 ": 1e21,
    "+5": 5.0,
    "-2.1": -2.1,
    ".5": 0.5,
    "124,000,000": 124e6,
    "1,234.5": 1234.5,
    "20_000_000": 20e6,
    "20\u202f123\u202f456": 20_123_456.0,
}
REFUSED = ["", "nan", "inf", "2,413", "12,34", "1_0", "0x7A", "124Q", "2-Apr", "#DIV/0!", "True", "1e", "1 234", "12²"]


@pytest.mark.parametrize(("text", "value"), ACCEPTED.items())
def test_a_number_is_read_as_written(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", REFUSED)
def test_what_may_mean_two_things_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|separator|suffix"):
        parse_number(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_back_from_its_repr(value: float) -> None:
    assert parse_number(repr(value)) == value


@given(st.integers(min_value=1_000_000, max_value=10**18))
def test_thousands_separators_change_nothing(value: int) -> None:
    assert parse_number(f"{value:,}") == float(value)


def test_a_decimal_comma_is_read_where_it_is_announced() -> None:
    assert parse_number("1.234.567,5", decimal=",") == 1_234_567.5
    assert parse_number("1,2e18", decimal=",") == 1.2e18


def test_a_number_beyond_64_bits_is_an_overflow() -> None:
    with pytest.raises(OverflowError):
        parse_number("1e400")


def test_a_sign_that_looks_like_a_minus_is_named() -> None:
    with pytest.raises(ValueError, match=r"U\+2212 \(MINUS SIGN\)"):
        parse_number("1.2e\u221219")


def test_digits_of_other_scripts_become_ascii_and_superscripts_do_not() -> None:
    assert ascii_digits("\uff12.\uff14\u0663") == "2.43"
    assert ascii_digits("10²") == "10²"


@given(st.floats(min_value=1e-3, max_value=1e14))
def test_a_formatted_quantity_reads_back_to_its_digits(value: float) -> None:
    assert math.isclose(parse_number(format_quantity(value, digits=4)), value, rel_tol=6e-4)
