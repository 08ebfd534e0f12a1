"""Trackio: one SQLite database a project, with a JSON text of metrics for every step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers._gathering import Points
from scalelaw.readers._sqlite import opened, source, tracker
from scalelaw.readers.base import Manner
from scalelaw.readers.logs import Log, LogReader, Logs, flat

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How it writes numbers that JSON lacks."""


class TrackioReader(LogReader):
    """Runs by their names. Configuration that Trackio added (`_Created`, ...) is left aside."""

    name = "trackio"

    def claims(self, path: Path, head: bytes) -> bool:
        """A database with Trackio's tables."""
        return tracker(path, head) == self.name

    def logs(self, path: Path, manner: Manner) -> Logs:
        """Every run, in the order of their first points."""
        with opened(path) as database:
            columns = {row[1] for row in database.execute("PRAGMA table_info(metrics)")}
            key = "run_id" if "run_id" in columns else "run_name"  # run_id came with a later version
            metrics = database.execute(f"SELECT {key}, run_name, step, metrics FROM metrics ORDER BY id").fetchall()
            configs = dict(database.execute(f"SELECT {key}, config FROM configs").fetchall())
        points: dict[str, Points] = {}
        names: dict[str, str] = {}
        for row, (run, name, step, text) in enumerate(metrics, start=1):
            names.setdefault(run, str(name))
            values = _object(path, "metrics", row, text)
            points.setdefault(run, Points()).add(step, {key: SPECIAL.get(str(v), v) for key, v in values.items()})
        runs = [
            Log(name, _config(path, configs.get(run)), points[run].rows, str(path), id=str(run))
            for run, name in names.items()
        ]
        return Logs(runs, (source(path),))


def _config(path: Path, text: Any) -> dict[str, Any]:
    config = {} if text is None else _object(path, "configs", 0, text)
    return {name: value for name, value in config.items() if not name.startswith("_")}


def _object(path: Path, table: str, row: int, text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _malformed(path, table, row, str(error)) from None
    if not isinstance(value, dict):
        raise _malformed(path, table, row, f"an object was expected, found {type(value).__name__}")
    return flat(value)


def _malformed(path: Path, table: str, row: int, problem: str) -> DataError:
    place = f"row {row} of table {table}" if row else f"table {table}"
    return DataError("E_JSON", f"{place}: {problem}", file=path, remedy="check what wrote it")


KIND = TrackioReader()
