"""`RunStore`: one directory per run. The only object that knows its paths.

Below `<store>/<run_id>/` lie

    spec.json       the spec, the corpus's facts, versions
    metrics.jsonl   one object a line
    done.json       written last, atomically
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class RunStore:
    """A folder of runs. A run is finished exactly when its `done.json` is there."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def folder(self, run_id: str) -> Path:
        """Where a run lives."""
        return self.path / run_id

    def begin(self, run_id: str, record: Mapping[str, Any]) -> Path:
        """A fresh folder with `spec.json`, without what an interrupted attempt left; returns the metrics file."""
        folder = self.folder(run_id)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_atomically(folder / "spec.json", record)
        return folder / "metrics.jsonl"

    def finish(self, run_id: str, record: Mapping[str, Any]) -> None:
        """Write `done.json`."""
        write_atomically(self.folder(run_id) / "done.json", record)

    def done(self, run_id: str) -> dict[str, Any] | None:
        """The record of a finished run, or None."""
        try:
            record: dict[str, Any] = json.loads((self.folder(run_id) / "done.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return record

    def last_metrics(self, run_id: str) -> dict[str, Any] | None:
        """The last whole line an unfinished run has logged, or None."""
        try:
            lines = (self.folder(run_id) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        for line in reversed(lines):
            try:
                metrics: dict[str, Any] = json.loads(line)
            except ValueError:
                continue  # the torn tail of a killed run
            return metrics
        return None


def write_atomically(path: Path, record: Mapping[str, Any]) -> None:
    """JSON that is either wholly there or not at all, also after a power cut."""
    temporary = path.with_suffix(".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
