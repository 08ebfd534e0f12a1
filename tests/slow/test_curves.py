"""The committed table of the 92 learning curves belongs to this code, and `compare` foresees them best."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slow.curves_study import OURS, PUBLISHED, TABLE, code_hash, curves, read, scores, summary

pytestmark = pytest.mark.slow

AVERAGE = "compare, average"


def rows() -> dict[str, dict[str, str]]:
    return {str(row["law"]): {name: str(value) for name, value in row.items()} for row in summary(read())}


def test_the_table_was_made_by_this_code() -> None:
    assert f"code {code_hash()}," in TABLE.read_text().splitlines()[0], "stale; run python -m tests.slow.curves_study"


def test_every_law_met_every_curve() -> None:
    assert set(rows()) == {*PUBLISHED, *(f"{name}, auto" for name in OURS), "compare, best law", AVERAGE}
    assert {row["curves"] for row in rows().values()} == {"92"}


@pytest.mark.parametrize("column", ["mean", "median"])
def test_the_average_has_the_least_error_of_all(column: str) -> None:
    least = min(rows().values(), key=lambda row: float(row[column]))
    assert least["law"] == AVERAGE


@pytest.mark.parametrize("index", [1, 36, 73])
def test_a_curve_repeats_itself(development_data: Path, index: int) -> None:
    """To a hundredth of a score: last digits may differ between machines."""
    assert scores(curves(development_data)[index]) == pytest.approx(read()[index], rel=1e-2, abs=2e-5)


def test_there_are_92_curves(development_data: Path) -> None:
    assert len(curves(development_data)) == len(read()) == 92
