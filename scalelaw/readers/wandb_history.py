"""A run's history as W&B has it, CSV or Parquet: a row a step, with W&B's own `_step`, `_runtime` and `_timestamp`."""

from __future__ import annotations

from pathlib import Path

from scalelaw.readers.base import Manner
from scalelaw.readers.columns import LABELS
from scalelaw.readers.delimited import DelimitedReader
from scalelaw.readers.logs import Log, LogReader, Logs, stem
from scalelaw.readers.parquet import MAGIC, ParquetReader, column_names
from scalelaw.readers.points import Point, points_of
from scalelaw.readers.products import usual_name
from scalelaw.runs import Note, Source

STEP, OTHERS = "_step", {"_runtime", "_timestamp"}
"""Columns that W&B adds to a history."""


class WandbHistoryReader(LogReader):
    """One run a file, named as the file is, unless a column names the runs.

    The folder of a history's artifact, `run-ID-history:v0`, holds one run in files `0000.parquet`, `0001.parquet`, ...
    """

    name = "wandb_history"

    def claims(self, path: Path, head: bytes) -> bool:
        """Its columns are `_step` and `_runtime` or `_timestamp`."""
        if head.startswith(MAGIC):
            names = column_names(path)
        else:
            line = head.partition(b"\n")[0].decode("utf-8", "replace")
            names = {name.strip(' "\r') for name in line.split(",")}
        return STEP in names and bool(OTHERS & names)

    def holds(self, folder: Path) -> bool:
        """The folder of a history's artifact."""
        return folder.name.startswith("run-") and "-history" in folder.name and bool(_parts(folder))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """Runs in the order of their first rows."""
        files = _parts(path) if path.is_dir() else [path]
        name = path.name if path.is_dir() else stem(path)
        points: dict[str, list[Point]] = {}
        lines: dict[str, list[int]] = {}
        sources: list[Source] = []
        notes: list[Note] = []
        for file in files:
            cells = (ParquetReader() if _is_parquet(file) else DelimitedReader()).read(file, manner)
            sources += cells.sources
            notes += cells.notes
            label = usual_name(cells.columns, LABELS["run_id"])
            for point, line in zip(points_of(cells), cells.line.tolist(), strict=True):
                run = str(point.pop(label, name)) if label else name
                points.setdefault(run, []).append(point)
                lines.setdefault(run, []).append(line)
        runs = [Log(run, {}, points[run], str(path), lines[run]) for run in points]
        return Logs(runs, tuple(sources), tuple(notes))


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


KIND = WandbHistoryReader()
