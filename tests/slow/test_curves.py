"""The committed table of the 92 learning curves belongs to this code, and `compare` foresees them best."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.slow.curves_study import OURS, PUBLISHED, TABLE, code_hash, curves, scores

pytestmark = pytest.mark.slow

AVERAGE = "compare, average"


def rows() -> dict[str, dict[str, str]]:
    return {row["law"]: row for row in csv.DictReader(TABLE.read_text().splitlines()[1:])}


def test_the_table_was_made_by_this_code() -> None:
    assert f"code {code_hash()}," in TABLE.read_text().splitlines()[0], "stale; run python -m tests.slow.curves_study"


def test_every_law_met_every_curve() -> None:
    assert set(rows()) == {*PUBLISHED, *(f"{name}, auto" for name in OURS), "compare, best law", AVERAGE}
    assert {row["curves"] for row in rows().values()} == {"92"}


@pytest.mark.parametrize("column", ["mean", "median"])
def test_the_average_has_the_least_error_of_all(column: str) -> None:
    least = min(rows().values(), key=lambda row: float(row[column]))
    assert least["law"] == AVERAGE


def test_a_curve_repeats_itself(development_data: Path) -> None:
    """The shortest curve of the ten with a single point to predict, scored twice."""
    curve = curves(development_data)[1]
    assert scores(curve) == scores(curve)
    assert len(curves(development_data)) == 92
