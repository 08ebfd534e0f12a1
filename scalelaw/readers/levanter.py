"""Levanter's `tracker_metrics.jsonl`: a run's configuration and summary on one line, or the events of `json_logger`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers.base import Manner
from scalelaw.readers.jsonl import JsonLinesReader
from scalelaw.readers.logs import Log, LogReader, Logs, stem
from scalelaw.readers.points import Point, points_of
from scalelaw.runs import Note

FILE = "tracker_metrics.jsonl"
KNOWN = {"n_params": ("parameter_count", 1.0), "n_tokens": ("throughput/total_tokens", 1.0)} | {
    "flops": ("throughput/total_gflops", 1e9)
}
"""What Levanter calls a quantity, and the unit it counts it in."""

_EVENT = re.compile(rb'\s*\{\s*"tracker"\s*:\s*"json_logger"')


class LevanterReader(LogReader):
    """A run a line of `config` and `summary`, whose summary is its last point; or a run a file of events.

    A run is named as its folder is, which is how Levanter names it; where a file holds several, by `trainer.id`.
    """

    name = "levanter"

    def claims(self, path: Path, head: bytes) -> bool:
        """A file of that name, or one that begins with an event."""
        return path.name == FILE or bool(_EVENT.match(head))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The runs of a file."""
        cells = JsonLinesReader().read(path, manner)
        lines: list[int] = cells.line.tolist()
        records = points_of(cells)
        if "tracker" in cells.columns:
            runs = [_of_events(path, records, lines)]
        elif any(name.startswith("summary/") for name in cells.columns):
            alone = len(records) == 1
            runs = [_of_summary(path, record, line, alone) for record, line in zip(records, lines, strict=True)]
        else:
            problem = "lines of {config, summary}, or events of json_logger, were expected"
            raise DataError("E_FORMAT", problem, file=path, line=lines[0], remedy="rename the file to read it as JSONL")
        told = [f"{theirs} read as {ours}" for ours, (theirs, _) in KNOWN.items() if _holds(runs, theirs)]
        return Logs(runs, cells.sources, (*cells.notes, *([Note("I_LEVANTER", ", ".join(told))] if told else [])))


def _of_summary(path: Path, record: Point, line: int, alone: bool) -> Log:
    config, point = _below("config", record), _counted(_below("summary", record))
    name = _folder(path) if alone else str(config.get("trainer/id", f"{_folder(path)} line {line}"))
    return Log(name, config, [point] if point else [], str(path), [line] if point else [])


def _of_events(path: Path, records: list[Point], lines: list[int]) -> Log:
    config: Point = {}
    points, at = [], []
    for record, line in zip(records, lines, strict=True):
        if record.get("event") == "hparams":
            config |= _below("hparams", record)
        elif record.get("event") == "log" and "step" in record:
            points.append({"step": record["step"]} | _counted(_below("metrics", record)))
            at.append(line)
        elif record.get("event") == "summary":
            config |= _counted(_below("metrics", record))
    ended = any(record.get("event") == "finish" for record in records)
    return Log(_folder(path), config, points, str(path), at, state="finished" if ended else "unfinished")


def _below(prefix: str, record: Point) -> Point:
    return {name.removeprefix(f"{prefix}/"): value for name, value in record.items() if name.startswith(f"{prefix}/")}


def _counted(point: Point) -> Point:
    """The point, and its quantities by our names and in our units."""
    return point | {ours: _times(point[theirs], unit) for ours, (theirs, unit) in KNOWN.items() if theirs in point}


def _times(value: Any, unit: float) -> Any:
    return value if unit == 1 or isinstance(value, bool) or not isinstance(value, int | float) else value * unit


def _holds(runs: Iterable[Log], name: str) -> bool:
    return any(name in point for run in runs for point in (*run.points, run.config))


def _folder(path: Path) -> str:
    return path.resolve().parent.name if path.name == FILE else stem(path)


KIND = LevanterReader()
