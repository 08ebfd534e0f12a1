"""Logged curves: points of a run put in order, and reduced to the ones a fit should see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.numbers import parse_number
from scalelaw.readers.base import Cells
from scalelaw.readers.columns import Choice
from scalelaw.readers.parsing import parse_column
from scalelaw.readers.products import step_column

KEEPS = ("auto", "all", "last", "min")


@dataclass(frozen=True, slots=True)
class Reduction:
    """Which points of a curve stay: `all`, the `last`, the one of least loss (`min`), or those at given `tokens`.

    `auto` is `last` for what a tracker logged and `all` for a table. Before that, the loss of a point becomes the
    geometric mean of the last `smooth` points.
    """

    keep: str = "auto"
    tokens: tuple[float, ...] = ()
    smooth: int = 1

    @classmethod
    def of(cls, text: str, smooth: int = 1) -> Reduction:
        """From `last`, `min`, `all`, `auto`, or numbers of tokens with commas between: `1B,2B`."""
        if smooth < 1:
            raise UsageError(f"Points to smooth over number at least 1; found {smooth}.")
        if text in KEEPS:
            return cls(text, (), smooth)
        try:
            return cls("tokens", tuple(parse_number(part) for part in text.split(",")), smooth)
        except (ValueError, OverflowError):
            raise UsageError(f"Unknown curve {text!r}. Known: {', '.join(KEEPS)}, or tokens such as 1B,2B.") from None


def reduce_curves(cells: Cells, choice: Choice, reduction: Reduction, decimal: str) -> Cells:
    """The points that stay, in order of their steps, run by run."""
    run, step = choice.columns.get("run_id"), step_column(cells)
    keep = reduction.keep if reduction.keep != "auto" else "last" if cells.logged else "all"
    if keep == "all" or run is None or step is None:
        return cells
    steps = parse_column(cells, "step", step, decimal).values
    losses = parse_column(cells, "loss", choice.columns["loss"], decimal).values
    rows: dict[str, int] = {}
    for i, name in enumerate(cells.columns[run]):
        best = rows.get(name)
        if not np.isnan(losses[i]) and (best is None or steps[i] >= steps[best]):
            rows[name] = i
    return cells.take(list(rows.values()))
