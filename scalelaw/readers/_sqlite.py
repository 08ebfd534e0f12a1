"""SQLite databases of trackers, opened so that nothing beside them is made or changed."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from scalelaw.errors import DataError
from scalelaw.readers.archives import Member
from scalelaw.runs import Source

MAGIC = b"SQLite format 3\0"
TRACKERS = {"mlflow": {"experiments", "runs", "params", "metrics"}, "trackio": {"metrics", "configs"}}
"""Tables that tell whose database it is."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads.

    A database beside which a write-ahead log lies is copied with it first: read in place, its last rows would be
    missing, and SQLite would write a file beside it. Raises `DataError` E_SQLITE where it is broken.
    """
    try:
        with _connected(path) as connection:
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:
        remedy = "copy it again while nothing writes to it"
        raise DataError("E_SQLITE", f"not readable as SQLite: {error}", file=path, remedy=remedy) from None


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    log = path.with_name(path.name + "-wal")
    waiting = log.is_file() and log.stat().st_size > 0
    if isinstance(path, Member):
        if waiting:
            raise sqlite3.NotSupportedError(f"{log.name} lies beside it in the archive; unpack the archive")
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(_without_log(path.read_bytes()))
            yield connection
        return
    with tempfile.TemporaryDirectory() as folder:
        place, how = path.resolve(), "mode=ro&immutable=1"
        if waiting:
            place, how = Path(folder, path.name), "mode=ro"
            shutil.copyfile(path, place)
            shutil.copyfile(log, place.with_name(log.name))
        with closing(sqlite3.connect(f"{place.as_uri()}?{how}", uri=True)) as connection:
            connection.execute("PRAGMA temp_store = MEMORY")
            yield connection


def _without_log(content: bytes) -> bytes:
    """A database that does not ask for its write-ahead log: bytes 18 and 19 say whether it does (fileformat2.html)."""
    return content[:18] + b"\1\1" + content[20:]


def tracker(path: Path, head: bytes) -> str:
    """Whose database begins with these bytes; empty where it is none of a tracker, or no database."""
    if not head.startswith(MAGIC):
        return ""
    try:
        tables = set(table_names(path))
    except DataError:
        return ""
    return next((name for name, needed in TRACKERS.items() if needed <= tables), "")


def table_names(path: Path) -> list[str]:
    """The tables of a database, sorted."""
    with opened(path) as connection:
        return [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        ]


def source(path: Path) -> Source:
    """The digest of a database as it lies on disk, without loading it."""
    with path.open("rb") as stream:
        return Source(str(path), hashlib.file_digest(stream, "sha256").hexdigest())
