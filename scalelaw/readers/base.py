"""What every reader returns: columns of cells as they were logged, and where each row lies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scalelaw.registry import Registry
from scalelaw.runs import Exclusion, Note, Source

Lines = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Repeated(Sequence[Any]):
    """A column in which rows of one run are alike: the `values` of the runs, and the run of each row.

    >>> list(Repeated(("adam", "sgd"), np.array([0, 0, 1])))
    ['adam', 'adam', 'sgd']
    """

    values: Sequence[Any]
    run: Lines

    def __len__(self) -> int:
        return len(self.run)

    def __getitem__(self, row: Any) -> Any:
        return Repeated(self.values, self.run[row]) if isinstance(row, slice) else self.values[self.run[row]]

    def __iter__(self) -> Iterator[Any]:
        return map(self.values.__getitem__, self.run.tolist())


@dataclass(frozen=True)
class Cells:
    """One source as columns of cells, uninterpreted: text from CSV, numbers and text from JSON or Parquet.

    `file` and `line` say where each row lies (line 0: the format has no lines). A missing cell is None or empty text.
    `stated` holds the conventions the source itself vouches for, by the names `ColumnMap` gives them. `logged`: a
    tracker wrote the rows, so that they are points of curves and not runs.
    """

    path: str
    columns: Mapping[str, Sequence[Any]]
    file: tuple[str, ...]
    line: Lines
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    stated: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""
    logged: bool = False

    def __len__(self) -> int:
        return len(self.line)

    def where(self, keep: Mask) -> Cells:
        """The rows that are kept."""
        rows = np.flatnonzero(keep).tolist()
        return self.take(rows)

    def take(self, rows: Sequence[int]) -> Cells:
        """These rows, in this order."""
        index = np.asarray(rows, dtype=np.intp)
        columns = {
            name: Repeated(cells.values, cells.run[index]) if isinstance(cells, Repeated) else [cells[i] for i in rows]
            for name, cells in self.columns.items()
        }
        line = self.line[index]
        return replace(self, columns=columns, file=tuple(self.file[i] for i in rows), line=line)

    def with_columns(self, columns: Mapping[str, Sequence[Any]]) -> Cells:
        """The same rows with further columns; one of a name that is there replaces it."""
        return replace(self, columns={**self.columns, **columns})


@dataclass(frozen=True, slots=True)
class Manner:
    """How bytes become cells: the text's encoding, and whether broken lines of a log are left out on the record."""

    encoding: str = "utf-8"
    skip_bad_lines: bool = False


class Reader(ABC):
    """A format, of files or of folders.

    A file goes to the first reader that `claims` it by name and first bytes, else to one of its ending in `suffixes`;
    a folder to the first that `holds` it.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    scheme: ClassVar[str] = ""
    """The word before the colon of what it reads that is no file: `wandb` of `wandb:entity/project`."""
    refuses: ClassVar[bool] = False
    """Whether it is there to say why a format is never read; a search of a folder leaves such files alone."""

    def claims(self, path: Path, head: bytes) -> bool:
        """Whether a file, whatever its ending, that begins with these bytes is of this format."""
        return False

    def holds(self, folder: Path) -> bool:
        """Whether this folder as a whole is of this format."""
        return False

    @abstractmethod
    def read(self, path: Path, manner: Manner) -> Cells:
        """The cells of a source; `DataError` where it cannot be read whole."""


READERS: Registry[Reader] = Registry("scalelaw.readers", "reader")


def lines_text(lines: Sequence[int]) -> str:
    """Line numbers in a few words; a count of rows where the format has no lines.

    >>> lines_text([8]), lines_text([5, 11, 14, 22]), lines_text([42, 43, 44]), lines_text(range(2, 40, 4))
    ('line 8', 'lines 5, 11, 14, 22', 'lines 42-44', 'lines 2, 6, 10...')
    """
    numbers = [int(line) for line in lines]
    if not any(numbers):
        return "1 row" if len(numbers) == 1 else f"{len(numbers)} rows"
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"lines {numbers[0]}-{numbers[-1]}"
    if len(numbers) <= 5:
        return "lines " + ", ".join(map(str, numbers))
    return "lines " + ", ".join(map(str, numbers[:3])) + "..."
