"""A small clean table, written to files of every format."""

from __future__ import annotations

from pathlib import Path

import pytest

ROWS = [
    ("run-a", 20_000_000, 400_000_000, 3.5),
    ("run-b", 70_000_000, 1_400_000_000, 3.125),
    ("run-c", 160_000_000, 3_200_000_000, 2.75),
]
HEADER = ("run_id", "n_params", "n_tokens", "loss")


def text(rows: list[tuple[object, ...]] | None = None, header: tuple[str, ...] = HEADER, sep: str = ",") -> str:
    """The rows as delimited text."""
    return "".join(sep.join(map(str, row)) + "\n" for row in [header, *(rows or ROWS)])


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    """The clean table as CSV."""
    path = tmp_path / "runs.csv"
    path.write_text(text())
    return path
