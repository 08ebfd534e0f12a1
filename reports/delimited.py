"""Rows as CSV that a spreadsheet opens without acting on a name."""

from __future__ import annotations

import csv
import io
import math

from reports.base import Rows
from reports.wording import visible

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(rows: Rows) -> str:
    """The rows under their names; numbers that read back as they were, what is missing as an empty cell.

    >>> print(to_csv(Rows("runs", {"run_id": ["=1+1", "b"], "loss": [2.5, float("nan")]})), end="")
    run_id,loss
    '=1+1,2.5
    b,
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, rows.columns))
    writer.writerows(zip(*(map(_cell, column) for column in rows.columns.values()), strict=True))
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, str):
        return f"'{visible(value)}" if value.startswith(_FORMULA) else visible(value)
    return value
