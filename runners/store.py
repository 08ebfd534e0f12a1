"""`RunStore`: one directory per run. The only object that knows its paths.

Below `<store>/<run_id>/` lie

    spec.json       the spec, the corpus's facts, versions, commit; how often it was resumed
    metrics.jsonl   one object a line
    checkpoints/    while it is unfinished: see `runners.checkpoints`
    lease           while it is trained: see `runners.leases`
    done.json       written last, atomically

and below `<store>/trunks/` the constant-rate trunks that branches start from, as a store of their own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError

SETTLED = ("finished", "diverged")
"""Statuses a repeated sweep leaves alone; a run that was out of memory is tried again."""
LEASE = "lease"


class RunStore:
    """A folder of runs. A run is settled exactly when its `done.json` is there and says so."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        there = next((place for place in (self.path, *self.path.parents) if place.exists()), Path())
        if not there.is_dir():
            raise DataError("E_NOT_A_FOLDER", "runs are stored in a folder", file=there, remedy="name another place")

    def folder(self, run_id: str) -> Path:
        """Where a run lives."""
        return self.path / run_id

    def checkpoints(self, run_id: str) -> Path:
        """Where its checkpoints are."""
        return self.folder(run_id) / "checkpoints"

    def lease(self, run_id: str) -> Path:
        """The file that says who trains it."""
        return self.folder(run_id) / LEASE

    @property
    def trunks(self) -> RunStore:
        """The trunks of this store's branches; their rows are in no run table, since they never cool down."""
        return RunStore(self.path / "trunks")

    def begin(self, run_id: str, record: Mapping[str, Any]) -> Path:
        """A fresh folder with `spec.json`, without what an earlier attempt left; returns the metrics file."""
        folder = self.folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != LEASE:
                left.unlink()
        write_atomically(folder / "spec.json", record)
        return folder / "metrics.jsonl"

    def resume(self, run_id: str, attempt: Mapping[str, Any], log_bytes: int) -> Path:
        """Go on with a run: its log ends after `log_bytes` again and `spec.json` lists the attempt."""
        folder = self.folder(run_id)
        (folder / "done.json").unlink(missing_ok=True)
        with open(folder / "metrics.jsonl", "ab") as log:
            log.truncate(log_bytes)
        record = self.description(run_id)
        write_atomically(folder / "spec.json", record | {"resumed": [*record.get("resumed", []), attempt]})
        return folder / "metrics.jsonl"

    def begun(self, run_id: str) -> bool:
        """Whether there has been an attempt at it."""
        return (self.folder(run_id) / "spec.json").exists()

    def description(self, run_id: str) -> dict[str, Any]:
        """What `spec.json` says of a run that was begun."""
        path = self.folder(run_id) / "spec.json"
        try:
            return _read(path)
        except FileNotFoundError:
            raise DataError(
                "E_SPEC", "it is missing beside the run's checkpoints", file=path,
                remedy="put the file back, or remove the folder to train the run afresh",
            ) from None  # fmt: skip

    def describe(self, run_id: str, record: Mapping[str, Any]) -> None:
        """Write `spec.json` where there is none yet."""
        if not self.begun(run_id):
            write_atomically(self.folder(run_id) / "spec.json", record)

    def finish(self, run_id: str, record: Mapping[str, Any]) -> None:
        """Write `done.json`."""
        write_atomically(self.folder(run_id) / "done.json", record)

    def done(self, run_id: str) -> dict[str, Any] | None:
        """The record of a run that has ended, however it did, or None."""
        try:
            return _read(self.folder(run_id) / "done.json")
        except FileNotFoundError:
            return None

    def settled(self, run_id: str) -> dict[str, Any] | None:
        """The record of a run that is not to be trained again, or None."""
        record = self.done(run_id)
        return record if record and record.get("status") in SETTLED else None

    def log_bytes(self, run_id: str) -> int:
        """The length of its metrics file; 0 where there is none."""
        try:
            return (self.folder(run_id) / "metrics.jsonl").stat().st_size
        except FileNotFoundError:
            return 0

    def last_metrics(self, run_id: str) -> dict[str, Any] | None:
        """The last whole line an unfinished run has logged, or None."""
        try:
            lines = (self.folder(run_id) / "metrics.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return None
        for line in reversed(lines):
            try:
                metrics: dict[str, Any] = json.loads(line)
            except ValueError:
                continue  # the torn tail of a killed run
            return metrics
        return None


def _read(path: Path) -> dict[str, Any]:
    """The object in a file; one that is missing is `FileNotFoundError`."""
    again = "remove the folder, train it again"
    try:
        record = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError("E_JSON", f"not JSON ({error})", file=path, remedy=again) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        problem, remedy = f"it cannot be read ({error.strerror})", "mend its place or its rights"
        raise DataError("E_UNREADABLE", problem, file=path, remedy=remedy) from None
    if not isinstance(record, dict):
        raise DataError("E_JSON", "an object was expected", file=path, value=record, remedy=again)
    return record


def write_atomically(path: Path, record: Mapping[str, Any]) -> None:
    """JSON that is either wholly there or not at all, also after a power cut."""
    temporary = path.with_suffix(".tmp")
    try:
        write_durably(temporary, json.dumps(record, indent=1).encode() + b"\n")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """A file that is on the disk when this returns."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Names made, changed or removed in the folder are on the disk when this returns."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
