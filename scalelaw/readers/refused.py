"""Files that could run code when read, or that hold no log: never opened as one, and the reason is said."""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from scalelaw.errors import DataError
from scalelaw.readers._sqlite import MAGIC as SQLITE
from scalelaw.readers._sqlite import table_names, tracker
from scalelaw.readers.archives import BROKEN
from scalelaw.readers.base import Cells, Manner, Reader

PICKLES = (".pkl", ".pickle")
CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin")
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickled number that a torch checkpoint of before version 1.6 begins with."""
OURS = re.compile(rb'\s*\{\s*"format":\s*"scalelaw/(\w+)/')
"""What `scalelaw` writes begins so: a fit, a plan, a report."""
ZIP, NUMPY = b"PK\x03\x04", b"\x93NUMPY"
HEAD = 4096
HEADER = 100 << 20
"""Bytes that a safetensors header has at most, as its own library holds."""
EXPORT = "write what was logged, not the weights, as CSV or JSON lines (loss, n_params, n_tokens a row) and read that"


class RefusedReader(Reader):
    """Pickles, checkpoints, arrays, databases of no tracker, and what scalelaw itself made of runs."""

    name = "refused"
    suffixes = (*PICKLES, *CHECKPOINTS[:-1], ".npy", ".npz", ".safetensors")  # `.bin` may be anything
    refuses = True

    def claims(self, path: Path, head: bytes) -> bool:
        """By its first bytes, whatever its ending, and by the endings of pickles and safetensors."""
        return _answer(path, head) is not None

    def holds(self, folder: Path) -> bool:
        """A distributed checkpoint (DCP) of torch lies in it."""
        metadata = folder / ".metadata"
        return metadata.is_file() and _is_pickle(_head(metadata))

    def read(self, path: Path, manner: Manner) -> Cells:
        """Always a `DataError`: E_PICKLE, E_CHECKPOINT or E_FORMAT."""
        if path.is_dir():
            raise _dcp(path)
        raise (_answer(path, _head(path)) or _by_ending(path))(path)


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD)


def _answer(path: Path, head: bytes) -> Callable[[Path], DataError] | None:
    suffix = path.suffix.lower()
    if path.name == ".metadata" and _is_pickle(head):
        return lambda path: _dcp(path.parent)
    if head.startswith(TORCH) or (suffix in CHECKPOINTS and (_is_pickle(head) or head.startswith(ZIP))):
        return _checkpoint
    if suffix in PICKLES or _is_pickle(head):
        return _pickle
    if head.startswith(NUMPY):
        return _array
    if suffix == ".npz" and head.startswith(ZIP):
        return _arrays
    if suffix == ".safetensors":
        return _safetensors
    if OURS.match(head):
        return _ours
    return _database if head.startswith(SQLITE) and not tracker(path, head) else None


def _is_pickle(head: bytes) -> bool:
    """Protocols 2 to 5 begin so; older ones are told by their ending alone."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _pickle(path: Path) -> DataError:
    problem = "a pickle runs code when it is read, so a pickle is never read"
    return DataError("E_PICKLE", problem, file=path, remedy=EXPORT)


def _checkpoint(path: Path) -> DataError:
    problem = (
        "a torch checkpoint holds a pickle, which can run code even with weights_only, and no log; it is never read"
    )
    return DataError("E_CHECKPOINT", problem, file=path, remedy=EXPORT)


def _dcp(path: Path) -> DataError:
    problem = "a distributed checkpoint: torch would unpickle its .metadata, which can run code; it is never read"
    return DataError("E_CHECKPOINT", problem, file=path, remedy=EXPORT)


def _array(path: Path) -> DataError:
    return _array_error(path, _head(path))


def _arrays(path: Path) -> DataError:
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            heads = [archive.open(name).read(HEAD) for name in archive.namelist()]
    except BROKEN as error:
        return DataError("E_ARCHIVE", f"not readable as an archive: {error}", file=path, remedy="copy it again")
    errors = [_array_error(path, head) for head in heads]
    return next((error for error in errors if error.code == "E_PICKLE"), _array_error(path, b""))


def _array_error(path: Path, head: bytes) -> DataError:
    """Arrays of objects are pickles; other arrays have no names for their columns."""
    if _holds_objects(head):
        problem = (
            "an array of objects is a pickle, which runs code when it is read; it is never read (allow_pickle=False)"
        )
        return DataError("E_PICKLE", problem, file=path, remedy=EXPORT)
    problem = "an array of NumPy does not name its columns"
    return DataError("E_FORMAT", problem, file=path, remedy="write it as CSV with a header: loss, n_params, n_tokens")


def _holds_objects(head: bytes) -> bool:
    """Whether the type in the header of a `.npy` file has objects; a header that cannot be read may have."""
    if not head.startswith(NUMPY):
        return False
    width = 2 if head[6:7] == b"\x01" else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    try:
        described = ast.literal_eval(head[8 + width : 8 + width + length].decode("latin-1").strip())
        return "O" in str(described["descr"])
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        return True


def _safetensors(path: Path) -> DataError:
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length) if 8 + length <= size and length <= HEADER else b""
    if not header:
        problem = f"header too large: {length:,} bytes stated, {max(size - 8, 0):,} there; it is not read"
        return DataError("E_CHECKPOINT", problem, file=path, remedy="copy it again; " + EXPORT)
    try:
        count = sum(name != "__metadata__" for name in json.loads(header))
    except (ValueError, RecursionError, TypeError):
        count = 0
    return DataError("E_CHECKPOINT", f"{count} tensors of weights and no log", file=path, remedy=EXPORT)


def _database(path: Path) -> DataError:
    names = table_names(path)
    tables = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    problem = f"a SQLite database of no tracker that is known; its tables: {tables or 'none'}"
    return DataError("E_FORMAT", problem, file=path, remedy="export the table of runs as CSV")


def _ours(path: Path) -> DataError:
    kind = OURS.match(_head(path))
    problem = f"a {kind[1].decode() if kind else 'file'} that scalelaw saved, and no table of runs"
    remedy = "give it to scalelaw predict, plan, design or report, and name the runs here"
    return DataError("E_FORMAT", problem, file=path, remedy=remedy)


def _by_ending(path: Path) -> Callable[[Path], DataError]:
    return _checkpoint if path.suffix.lower() in CHECKPOINTS else _array


KIND = RefusedReader()
