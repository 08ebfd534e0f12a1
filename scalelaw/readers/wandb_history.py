"""A run's history exported by W&B as CSV: a line a step, with W&B's own `_step`, `_runtime` and `_timestamp`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.columns import LABELS, plain_name
from scalelaw.readers.delimited import DelimitedReader


class WandbHistoryReader(Reader):
    """One run a file, named as the file is, unless a column names the runs."""

    name = "wandb_history"

    def claims(self, path: Path, head: bytes) -> bool:
        """Its first line names `_step` and `_runtime` or `_timestamp`."""
        names = {name.strip(b' "\r') for name in head.partition(b"\n")[0].split(b",")}
        return b"_step" in names and bool({b"_runtime", b"_timestamp"} & names)

    def read(self, path: Path, manner: Manner) -> Cells:
        """A row a step."""
        cells = replace(DelimitedReader().read(path, manner), logged=True)
        if {plain_name(column) for column in cells.columns} & set(LABELS["run_id"]):
            return cells
        name = path.name.removesuffix(".gz").removesuffix(".csv")
        return cells.with_columns({"run_id": [name] * len(cells)})


KIND = WandbHistoryReader()
