"""Charts exported by W&B as CSV: `Step`, and of each run `RUN - METRIC`, `RUN - METRIC__MIN`, `RUN - METRIC__MAX`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner
from scalelaw.readers.delimited import DelimitedReader
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.runs import Note

EDGES = ("__MIN", "__MAX")
BETWEEN = " - "


class WandbChartReader(LogReader):
    """A run for every name before ` - `, a column for every metric after it; most cells of such a table are blank."""

    name = "wandb_chart"

    def claims(self, path: Path, head: bytes) -> bool:
        """Its first line names metrics of runs, their least and their greatest values."""
        header = head.partition(b"\n")[0]
        return all(mark.encode() in header for mark in (BETWEEN, *EDGES))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """Runs in the order of their columns."""
        table = DelimitedReader().read(path, manner)
        axis, *rest = table.columns
        metrics: dict[str, dict[str, str]] = {}
        for column in rest:
            if not column.endswith(EDGES):
                run, metric = _named(path, column)
                metrics.setdefault(run, {})[metric] = column
        runs = [_log(table, axis, run, columns) for run, columns in metrics.items()]
        notes = (*table.notes, Note("I_WANDB", f"a chart of {len(runs)} runs; __MIN/__MAX ignored"))
        return Logs(runs, table.sources, (*notes, *_sampled(table, metrics)))


def _named(path: Path, column: str) -> tuple[str, str]:
    run, between, metric = column.rpartition(BETWEEN)
    if between:
        return run, metric
    problem, remedy = "a column of a chart is named RUN - METRIC", "export the chart again, or the runs' history"
    raise DataError("E_HEADER", problem, file=path, line=1, column=column, remedy=remedy)


def _log(table: Cells, axis: str, run: str, metrics: Mapping[str, str]) -> Log:
    steps: Sequence[Any] = table.columns[axis]
    columns = {metric: table.columns[column] for metric, column in metrics.items()}
    rows = [i for i in range(len(table)) if any(column[i] for column in columns.values())]
    return Log(
        name=run,
        config={},
        points=[{axis: steps[i]} | {metric: column[i] for metric, column in columns.items()} for i in rows],
        file=table.file[0],
        lines=table.line[rows].tolist(),
    )


def _sampled(table: Cells, metrics: Mapping[str, Mapping[str, str]]) -> tuple[Note, ...]:
    """A point whose edges differ stands for several logged ones: W&B sends a chart a sample of the history."""
    points = means = 0
    for column in (column for columns in metrics.values() for column in columns.values()):
        low, high = (table.columns.get(column + edge, ()) for edge in EDGES)
        points += sum(bool(cell) for cell in table.columns[column])
        means += sum(a != b for a, b in zip(low, high, strict=False))
    if not means:
        return ()
    said = f"{means} of {points} points stand for several steps (__MIN differs from __MAX): the chart is a sample"
    return (Note("W_SAMPLED", f"{said}; read the runs' history for what was logged"),)


KIND = WandbChartReader()
