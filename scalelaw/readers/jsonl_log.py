"""Runs as JSON lines: first `{"type": "config", ...}`, then a line a point."""

from __future__ import annotations

import re
from pathlib import Path

from scalelaw.readers.base import Manner
from scalelaw.readers.columns import LABELS
from scalelaw.readers.jsonl import JsonLinesReader
from scalelaw.readers.logs import Log, LogReader, Logs, stem
from scalelaw.readers.points import Point, points_of

_CONFIG = re.compile(rb'\s*\{\s*"type"\s*:\s*"config"')


class JsonLogReader(LogReader):
    """A run for every line of configuration, named by that, or as the file is.

    A configuration that is told again word for word is that of a run which was resumed.
    """

    name = "jsonl_log"

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with an object whose first key is `type`, and that is `config`."""
        return bool(_CONFIG.match(head))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The runs of a file, in its order."""
        cells = JsonLinesReader().read(path, manner)
        runs: list[Log] = []
        points: list[Point] = []
        lines: list[int] = []
        for point, line in zip(points_of(cells), cells.line.tolist(), strict=True):
            if point.get("type") != "config":
                points.append(point)
                lines.append(line)
                continue
            config = {name: value for name, value in point.items() if name != "type"}
            if not runs or config != runs[-1].config:
                points, lines = [], []
                runs.append(Log(_name(path, config), config, points, str(path), lines))
        return Logs(runs, cells.sources, cells.notes)


def _name(path: Path, config: Point) -> str:
    return next((str(config[label]) for label in LABELS["run_id"] if label in config), stem(path))


KIND = JsonLogReader()
