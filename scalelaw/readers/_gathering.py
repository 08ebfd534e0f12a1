"""Metrics logged one by one, put together as points: values of one step share a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Points:
    """The points of a run as they arrive.

    A value joins the row of its step unless the row has one of its name: then the step was logged again, and a new row
    begins. After `resumed`, no earlier row is joined.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lines: list[int] = []
        self._at: dict[Any, int] = {}

    def add(self, step: Any, values: Mapping[str, Any], line: int = 0, **first: Any) -> None:
        """Further values of a step, or the first ones; `first` is what only the first of a row tells.

        A metric that has the name of one of these, or is called `step`, becomes `logged/NAME`.
        """
        values = {f"logged/{name}" if name == "step" or name in first else name: values[name] for name in values}
        row = self._at.get(step)
        if row is None or not values.keys().isdisjoint(self.rows[row]):
            row = self._at[step] = len(self.rows)
            self.rows.append({"step": step, **first})
            self.lines.append(line)
        self.rows[row].update(values)

    def resumed(self) -> None:
        """The log was taken up again: steps may be repeated from here."""
        self._at.clear()
