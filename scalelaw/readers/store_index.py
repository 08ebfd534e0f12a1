"""The records of a run store, remembered, so that a store of a hundred thousand runs opens at once.

A run's record is its `done.json`. The index is an SQLite file in the cache (`scalelaw.caching`), one for each store; it
can always be made again from the runs' folders, and is, whenever it cannot be used.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalelaw import caching
from scalelaw.errors import DataError

VERSION = 1
SCHEMA = (
    "CREATE TABLE runs (folder TEXT PRIMARY KEY, stamp INTEGER, size INTEGER, sha256 TEXT, record BLOB) WITHOUT ROWID"
)
FEW = 1000
"""Runs below which reading every record is as quick as an index."""
WAIT_S = 10.0
"""Seconds to wait for another process that writes the index."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a run's `done.json` says, as it lies on disk, and the digest of it; empty for a run that has none."""

    folder: str
    content: bytes
    sha256: str


class StoreIndex:
    """The index of one store, brought up to date when it is opened.

    A record is read again when its file's time or size has changed. Where the cache cannot be written, the index lives
    in memory and is made anew each time.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self._db = _opened(_place(store))
        try:
            self._refresh()
        except sqlite3.Error:  # a full disk, or a cache that another process holds for long
            self._db.close()
            self._db = _prepared(":memory:")
            self._refresh()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> StoreIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def records(self) -> Iterator[Record]:
        """Every run, in order of the names of their folders."""
        for folder, content, digest in self._db.execute("SELECT folder, record, sha256 FROM runs ORDER BY folder"):
            yield Record(folder, content, digest)

    def matching(self, field: str, operator: str, value: float | str) -> list[str]:
        """The folders of the runs whose record has such a `field`: `matching("width", ">=", 128)`."""
        if operator not in ("<", "<=", "=", "!=", ">=", ">"):
            raise ValueError(operator)
        query = f"SELECT folder FROM runs WHERE size >= 0 AND json_extract(record, ?) {operator} ? ORDER BY folder"
        return [folder for (folder,) in self._db.execute(query, (f'$."{field}"', value))]

    def _refresh(self) -> None:
        known = {
            folder: (stamp, size) for folder, stamp, size in self._db.execute("SELECT folder, stamp, size FROM runs")
        }
        there = dict(_stamps(self.store))
        changed = [folder for folder, stamp in there.items() if known.get(folder) != stamp]
        gone = [(folder,) for folder in known.keys() - there.keys()]
        if not changed and not gone:
            return
        with self._db:
            self._db.executemany("DELETE FROM runs WHERE folder = ?", gone)
            self._db.executemany(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)",
                ((folder, *there[folder], *self._read(folder, there[folder])) for folder in changed),
            )

    def _read(self, folder: str, stamp: tuple[int, int]) -> tuple[str, bytes]:
        if stamp[1] < 0:
            return "", b""
        record = read_record(self.store / folder)
        parsed(record, self.store)
        return record.sha256, record.content


def _place(store: Path) -> Path:
    name = hashlib.sha256(os.fsencode(store.resolve())).hexdigest()[:20]
    return caching.folder() / "stores" / f"{name}-{VERSION}.sqlite"


def _opened(path: Path) -> sqlite3.Connection:
    """The index's database; a damaged one is made again, and one that cannot be written lives in memory."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _prepared(path)
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            return _prepared(path)
    except (OSError, sqlite3.Error):
        return _prepared(":memory:")


def _prepared(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=WAIT_S)
    with closing(db.execute("PRAGMA quick_check(1)")) as answer:
        if answer.fetchone() != ("ok",):
            db.close()
            raise sqlite3.DatabaseError("damaged")
    with db:
        db.execute(SCHEMA.replace("TABLE", "TABLE IF NOT EXISTS"))
    return db


def _stamps(store: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each run's folder with the time (ns) and size of its record; (0, -1) for a run without one."""
    with os.scandir(store) as entries:
        names: Sequence[str] = [entry.name for entry in entries if entry.is_dir()]
    root = os.fspath(store)
    for name in names:
        folder = f"{root}{os.sep}{name}{os.sep}"
        try:
            found = os.stat(f"{folder}done.json")
        except OSError:
            if os.path.exists(f"{folder}spec.json"):
                yield name, (0, -1)
            continue
        yield name, (found.st_mtime_ns, found.st_size)


def store_records(store: Path) -> Iterator[Record]:
    """Every run of a store, in order of the names of their folders; of a large store, as the index remembers them."""
    folders = sorted(name for name, _ in _stamps(store))
    if len(folders) < FEW:
        yield from (read_record(store / folder) for folder in folders)
        return
    with StoreIndex(store) as index:
        yield from index.records()


def read_record(folder: Path) -> Record:
    """A run's record from its folder."""
    try:
        content = (folder / "done.json").read_bytes()
    except FileNotFoundError:
        return Record(folder.name, b"", "")
    return Record(folder.name, content, hashlib.sha256(content).hexdigest())


def parsed(record: Record, store: Path) -> dict[str, Any]:
    """The record as an object; `DataError` where it is none."""
    path = store / record.folder / "done.json"
    try:
        content = json.loads(record.content)
    except ValueError as error:
        raise DataError("E_JSON", f"not JSON: {error}", file=path, remedy="run the training again") from None
    if not isinstance(content, dict):
        raise DataError("E_JSON", "an object was expected", file=path, remedy="run the training again")
    return content
