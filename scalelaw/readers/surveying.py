"""What a source holds and how it is understood, whether or not it can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells
from scalelaw.readers.columns import ALIASES, likely_columns
from scalelaw.readers.curves import is_missing
from scalelaw.readers.mapping import ColumnMap
from scalelaw.readers.reading import Chosen, PathLike, chosen, find_sources, tabled, wanted_map
from scalelaw.readers.redacting import redacted_column
from scalelaw.runs import RunTable

EXAMPLES = 2
"""Values of a column that are shown."""


@dataclass(frozen=True)
class Found:
    """A source: its columns with a few of their values, and, where they could be chosen, which holds what.

    `points` and `states` tell, by name of run, the rows that have a loss and the tracker's word for how it ended. Of a
    source that cannot be read as it is, `likely` has the columns that go by a usual name of each quantity, likeliest
    first.
    """

    path: str
    rows: int
    columns: Mapping[str, tuple[str, ...]]
    taken: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    likely: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def others(self) -> tuple[str, ...]:
        """Columns that hold no quantity and no label."""
        used = set(self.taken.values())
        return tuple(name for name in self.columns if name not in used)


@dataclass(frozen=True)
class Survey:
    """The sources, and their table or the error that says why there is none."""

    sources: tuple[Found, ...]
    table: RunTable | None = None
    error: DataError | None = None


def survey_runs(
    path: PathLike | Sequence[PathLike], *, mapping: ColumnMap | PathLike | None = None, **reading: Any
) -> Survey:
    """What `read_runs` finds, with the same arguments; data that it refuses is an `error` beside the columns found."""
    wanted = wanted_map(mapping, **reading)
    sources = find_sources(path, wanted)
    try:
        picked = [chosen(cells, wanted) for cells in sources]
    except DataError as error:
        return Survey(tuple(_raw(cells) for cells in sources), error=error)
    found = tuple(_found(item) for item in picked)
    try:
        return Survey(found, tabled(picked))
    except DataError as error:
        return Survey(found, error=error)


def _raw(cells: Cells) -> Found:
    columns = {name: _examples(name, column) for name, column in cells.columns.items()}
    likely = {quantity: likely_columns(cells, quantity) for quantity in ALIASES}
    return Found(cells.path, len(cells), columns, likely=likely)


def _found(source: Chosen) -> Found:
    cells, taken = source.cells, source.choice.columns
    points: Counter[str] = Counter()
    states: dict[str, str] = {}
    run = taken.get("run_id")
    if run is not None:
        names = [str(name) for name in cells.columns[run]]
        points.update(
            name for name, loss in zip(names, cells.columns[taken["loss"]], strict=True) if not is_missing(loss)
        )
        if "state" in cells.columns:
            states = dict(zip(names, map(str, cells.columns["state"]), strict=True))
    columns = {name: _examples(name, column) for name, column in cells.columns.items()}
    return Found(cells.path, len(cells), columns, taken, points, states)


def _examples(name: str, column: Sequence[Any]) -> tuple[str, ...]:
    """The first few different values of a column, without secrets."""
    shown: dict[str, None] = {}
    for cell in column:
        if not is_missing(cell):
            shown[str(cell)] = None
        if len(shown) == EXAMPLES:
            break
    return tuple(map(str, redacted_column(name, tuple(shown))))
