"""Rows of a table as points of runs."""

from __future__ import annotations

from typing import Any

from scalelaw.readers.base import Cells

Point = dict[str, Any]


def points_of(cells: Cells) -> list[Point]:
    """What each row holds, without its blank cells."""
    columns = cells.columns.items()
    return [
        {name: column[i] for name, column in columns if column[i] is not None and column[i] != ""}
        for i in range(len(cells))
    ]
