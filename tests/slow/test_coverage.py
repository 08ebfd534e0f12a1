"""The committed coverage table belongs to this code, and says what the README says."""

from __future__ import annotations

import csv

import pytest

from tests.slow.coverage_study import NOISES, SIZES, SWEEPS, TABLE, cell, code_hash

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.coverage_study"


def test_every_cell_is_there() -> None:
    assert {(int(row["n"]), row["noise"]) for row in rows()} == {(n, noise) for n in SIZES for noise in NOISES}


def test_a_cell_repeats_itself() -> None:
    row = next(row for row in rows() if row["n"] == "240" and row["noise"] == "gaussian")
    assert {name: str(value) for name, value in cell(240, "gaussian").items()} == row


def test_no_interval_falls_far_below_its_level() -> None:
    """Three standard errors of the count below 0.90: percentile intervals may under-cover a little, not more."""
    for row in rows():
        for name, value in list(row.items())[2:]:
            assert float(value) > 0.90 - 3 * (0.9 * 0.1 / SWEEPS) ** 0.5, (row["n"], row["noise"], name)
