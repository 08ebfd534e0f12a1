"""Points of a run, put together from lines that each hold a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scalelaw.readers.base import Cells

Point = dict[str, Any]


def points_of(cells: Cells) -> list[Point]:
    """Rows as points: what each one holds, without its blank cells."""
    columns = cells.columns.items()
    return [
        {name: column[i] for name, column in columns if column[i] is not None and column[i] != ""}
        for i in range(len(cells))
    ]


def by_step(points: Sequence[Mapping[str, Any]], lines: Sequence[int], step: str) -> tuple[list[Point], list[int]]:
    """Neighbours of one step as one point with the first one's line, where none contradicts another.

    Trackers write a line for what was trained and another for what was evaluated after the same step.

    >>> by_step([{"step": 5, "loss": 3.0}, {"step": 5, "eval_loss": 3.1}, {"step": 6, "loss": 2.9}], [2, 3, 4], "step")
    ([{'step': 5, 'loss': 3.0, 'eval_loss': 3.1}, {'step': 6, 'loss': 2.9}], [2, 4])
    """
    whole: list[Point] = []
    first: list[int] = []
    for point, line in zip(points, lines, strict=True):
        if whole and step in point and _agree(whole[-1], point, step):
            whole[-1].update(point)
        else:
            whole.append(dict(point))
            first.append(line)
    return whole, first


def _agree(before: Point, point: Mapping[str, Any], step: str) -> bool:
    """Whether two points are of one step and hold nothing of one name twice, unless it is the same."""
    return before.get(step) == point[step] and all(before.get(name, value) == value for name, value in point.items())
