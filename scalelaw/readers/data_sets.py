"""Data sets by name: `data:epoch-chinchilla`, `data:markov`; see `scalelaw data list`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalelaw.datasets import Dataset, fetch, get_dataset
from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.delimited import KIND as TABLE
from scalelaw.readers.mapping import CONVENTION_COLUMNS
from scalelaw.runs import Note


class DataSetReader(Reader):
    """A data set's table, fetched where it is not on this machine, its columns under the names a fit looks for."""

    name = "data_set"
    scheme = "data"

    def read(self, path: Path, manner: Manner) -> Cells:
        """The table's cells. Raises `UsageError` for an unknown name, `DataError` for what is no table of runs."""
        known = get_dataset(str(path).partition(":")[2])
        files = fetch(known)
        if not known.reads_as_runs:
            remedy = "read the files themselves with --loss, --n-params and --n-tokens"
            raise DataError(
                "E_NOT_RUNS", f"no table of runs: {known.title}; it lies in {files[0].parent}", remedy=remedy
            )
        cells = TABLE.read(files[0], manner)
        said = ", ".join(f"{quantity} is {column!r}" for quantity, column in known.columns.items())
        told = [f"{known.title}; {known.citation}", *filter(None, [said, known.note])]
        notes = tuple(Note("I_DATA_SET", f"data:{known.name}: {text}") for text in told)
        return replace(cells, columns=_renamed(cells, known), notes=(*cells.notes, *notes))


def _renamed(cells: Cells, known: Dataset) -> dict[str, Sequence[Any]]:
    """The columns, those of quantities under the names of `write_runs`, by whose conventions names are exact."""
    if not known.columns:
        return dict(cells.columns)
    names = {column: quantity for quantity, column in known.columns.items()}
    taken = set(known.columns) - set(names)
    columns = {names.get(name, name): column for name, column in cells.columns.items() if name not in taken}
    counted = "given" if {"n_params", "n_tokens", "flops"} <= set(known.columns) else "6ND"
    stated = dict(zip(CONVENTION_COLUMNS, ("all", counted, "nats"), strict=True)) | dict(known.stated)
    return columns | {name: [value] * len(cells) for name, value in stated.items()}


KIND = DataSetReader()
