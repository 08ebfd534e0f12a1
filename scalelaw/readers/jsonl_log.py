"""A run as JSON lines: first `{"type": "config", ...}`, then a line a point."""

from __future__ import annotations

import re
from pathlib import Path

from scalelaw.readers.base import Manner
from scalelaw.readers.columns import LABELS
from scalelaw.readers.jsonl import JsonLinesReader
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.readers.points import points_of

_CONFIG = re.compile(rb'\s*\{\s*"type"\s*:\s*"config"')


class JsonLogReader(LogReader):
    """One run a file, with its configuration in the first line; named by that, or as the file is."""

    name = "jsonl_log"

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with an object whose first key is `type`, and that is `config`."""
        return bool(_CONFIG.match(head))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The run of a file."""
        cells = JsonLinesReader().read(path, manner)
        config, *points = points_of(cells)
        config = {name: value for name, value in config.items() if name != "type"}
        name = next((str(config[label]) for label in LABELS["run_id"] if label in config), path.name.split(".")[0])
        run = Log(name, config, points, str(path), cells.line[1:].tolist())
        return Logs([run], cells.sources, cells.notes)


KIND = JsonLogReader()
