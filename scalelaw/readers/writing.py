"""A RunTable -> a CSV file that reads back as the same table."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.counting import UNCONVERTED
from scalelaw.readers.mapping import CONVENTION_COLUMNS
from scalelaw.readers.spreadsheet import guard
from scalelaw.runs import QUANTITIES, RunTable


def write_runs(table: RunTable, path: str | os.PathLike[str]) -> Path:
    """Writes the table as CSV and returns the path; `read_runs` gives a table with the same fingerprint.

    Floats are written so that they read back exactly; a quantity no run has is left out, a missing value is blank.
    Every row states the conventions, and the losses, which are in nats per token. Exclusions and notes are not written.
    Text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    columns = _columns(table)
    target = Path(path)
    with target.open("w", encoding="utf-8", newline="") as stream:
        # QUOTE_NONNUMERIC, so that a name with a line end, or one that begins like a comment, is quoted.
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return target


def _columns(table: RunTable) -> dict[str, list[Any]]:
    numbers = {name: getattr(table, name) for name in QUANTITIES}
    present = {name: values for name, values in numbers.items() if not np.isnan(values).all()}
    unit = table.conventions.loss_unit if table.conventions.loss_unit in UNCONVERTED else "nats/token"
    conventions = (table.conventions.params, table.conventions.flops, unit)
    return {
        "run_id": [guard(name) for name in table.run_id],
        "group": [guard(name) for name in table.group],
        **{name: [_written(value) for value in values.tolist()] for name, values in present.items()},
        **{name: [value] * len(table) for name, value in zip(CONVENTION_COLUMNS, conventions, strict=True)},
        **{name: [_written(value) for value in values.tolist()] for name, values in table.extras.items()},
    }


def _written(value: Any) -> Any:
    if value is None or value != value:
        return ""
    return guard(value) if isinstance(value, str) else value
