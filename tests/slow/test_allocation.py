"""The committed table of approaches 1 and 2 belongs to this code, and their intervals hold what they should."""

from __future__ import annotations

import csv

import pytest

from tests.slow.allocation_study import CELLS, TABLE, cell, code_hash

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.allocation_study"


def test_every_cell_is_there() -> None:
    assert [(row["approach"], row["design"], row["noise"]) for row in rows()] == CELLS


def test_a_cell_repeats_itself() -> None:
    assert {name: str(value) for name, value in cell(*CELLS[0]).items()} == rows()[0]


def test_intervals_hold_the_exponent_and_the_bias_is_small() -> None:
    """Three standard errors of the count below 0.90; a bias of at most the median error."""
    for row in rows():
        assert float(row["coverage"]) > 0.90 - 3 * (0.9 * 0.1 / int(row["intervals"])) ** 0.5, row
        assert abs(float(row["bias"])) <= float(row["median_error"]), row
        assert int(row["intervals"]) >= 0.95 * int(row["sweeps"]), row
