"""Several tables as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalelaw.counting import UNCONVERTED
from scalelaw.errors import DataError
from scalelaw.readers.repeats import without_repeats
from scalelaw.runs import QUANTITIES, Conventions, RunTable


def joined(tables: Sequence[RunTable]) -> RunTable:
    """The rows of all tables. Raises `DataError` E_UNIT_MIXED where they count by different conventions.

    An extra column that a table lacks is None there.
    """
    if len(tables) == 1:
        return tables[0]
    columns: dict[str, Any] = {
        **{name: tuple(x for table in tables for x in getattr(table, name)) for name in ("run_id", "group", "file")},
        **{name: np.concatenate([getattr(table, name) for table in tables]) for name in (*QUANTITIES, "line")},
    }
    names = dict.fromkeys(name for table in tables for name in table.extras)
    table = RunTable(
        **columns,
        extras={name: np.concatenate([_column(table, name) for table in tables]) for name in names},
        conventions=_conventions(tables),
        sources=tuple(source for table in tables for source in table.sources),
        excluded=tuple(exclusion for table in tables for exclusion in table.excluded),
        notes=tuple(note for table in tables for note in table.notes),
    )
    return without_repeats(table)


def _column(table: RunTable, name: str) -> NDArray[Any]:
    return table.extras[name] if name in table.extras else np.full(len(table), None, dtype=object)


def _conventions(tables: Sequence[RunTable]) -> Conventions:
    for name in ("params", "flops"):
        said = {getattr(table.conventions, name): table.sources[0].file for table in tables}
        if len(said) > 1:
            problem = f"the files count {name} by different conventions: " + ", ".join(
                f"{convention} in {file}" for convention, file in said.items()
            )
            remedy = f"state one with --{name}-convention, or read the files separately"
            raise DataError("E_UNIT_MIXED", problem, remedy=remedy)
    units = sorted({unit for table in tables for unit in table.conventions.loss_unit.split(", ")})
    if len(units) > 1 and set(units) & set(UNCONVERTED):
        remedy = "read the files separately"
        raise DataError("E_UNIT_MIXED", f"losses of kinds that cannot be compared: {', '.join(units)}", remedy=remedy)
    return Conventions(tables[0].conventions.params, tables[0].conventions.flops, ", ".join(units))
