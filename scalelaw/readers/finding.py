"""A path -> the cells below it: which reader a file or a folder goes to, and what of a folder is left alone."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from scalelaw.errors import DataError
from scalelaw.readers.archives import is_archive, unpacked
from scalelaw.readers.base import READERS, Cells, Manner, Reader
from scalelaw.readers.loading import missing_file
from scalelaw.readers.logs import LogReader, joined_logs, log_cells
from scalelaw.runs import Note

HEAD = 4096
"""First bytes that a reader may look at."""
SHOWN = 3
"""Files that a note lists."""


def find_cells(path: Path, manner: Manner) -> list[Cells]:
    """What a file or a folder holds: one `Cells` for a file or for a folder a reader knows as a whole.

    Any other folder, or an archive, is searched: logs of one format become one `Cells`, tables stay one each. Links
    that lead out of the folder are not followed, and files no reader knows are not read; both are noted.

    Raises `UsageError` without such a path, `DataError` where a file is refused or a folder holds nothing to read.
    """
    if is_archive(path):
        path = unpacked(path)
    if not path.is_dir():
        return [pick_reader(path).read(path, manner)]
    whole = next((reader for reader in READERS if reader.holds(path)), None)
    return [_whole(whole, path, manner)] if whole else _searched(path, manner)


def pick_reader(path: Path) -> Reader:
    """The reader of a file: the first that claims it, else by its ending, else `csv`. Of a folder: the first that
    holds it, else `store`. Of an address, `wandb:entity/project`, the one of its scheme.
    """
    scheme, colon, _ = str(path).partition(":")
    addressed = next((reader for reader in READERS if colon and reader.scheme == scheme), None)
    if addressed and not path.exists():
        return addressed
    if path.is_dir():
        return next((reader for reader in READERS if reader.holds(path)), READERS["store"])
    return _known(path) or READERS["csv"]


def _known(path: Path) -> Reader | None:
    head = _head(path)
    in_turn = sorted(READERS, key=lambda reader: (not reader.refuses, not isinstance(reader, LogReader)))
    claimed = next((reader for reader in in_turn if reader.claims(path, head)), None)
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    return claimed or next((reader for reader in READERS if suffix in reader.suffixes), None)


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise missing_file(path)
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if path.suffix != ".gz":
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error:
        return b""


def _whole(reader: Reader, folder: Path, manner: Manner) -> Cells:
    """A folder of one format, with a word on logs and tables beside its files; JSON there is mostly settings."""
    cells = reader.read(folder, manner)
    if not isinstance(reader, LogReader):
        return cells
    mine = {source.file for source in cells.sources}
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and str(path) not in mine)
    others = [path for path in files if path.suffix != ".json" and (known := _known(path)) and not known.refuses]
    said = f"not read, for the folder is read as one of {reader.name}; name what else is wanted"
    return replace(cells, notes=(*cells.notes, *_note("I_IGNORED", others, folder, said)))


def _searched(folder: Path, manner: Manner) -> list[Cells]:
    found, notes = _search(folder)
    logs = {reader.name: reader for reader, _ in found if isinstance(reader, LogReader)}
    parts = [reader.read(path, manner) for reader, path in found if not isinstance(reader, LogReader)]
    for name, reader in logs.items():
        mine = joined_logs(reader.logs(path, manner) for other, path in found if other.name == name)
        parts.append(log_cells(folder, mine))
    if not parts:
        seen = "; ".join(note.message for note in notes) or "the folder is empty"
        remedy = "name a file, a tracker's folder, or a run store: a folder of <run_id>/spec.json and done.json"
        raise DataError("E_EMPTY", f"no logged runs found in it: {seen}", file=folder, remedy=remedy)
    if len(logs) > 1:
        said = f"logs of {len(logs)} formats ({', '.join(logs)}); a run logged in two of them is there twice"
        notes = (*notes, Note("W_FORMATS", f"{said}: name the folders or files of one"))
    return [replace(parts[0], notes=(*parts[0].notes, *notes)), *parts[1:]]


def _search(folder: Path) -> tuple[list[tuple[Reader, Path]], tuple[Note, ...]]:
    """Files and folders with their readers, in order of their names, and notes on those left alone."""
    found: list[tuple[Reader, Path]] = []
    refused: list[Note] = []
    links: list[Path] = []
    others: list[Path] = []
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop(0).iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_symlink():  # what one leads to within the folder is found where it lies
                links += [path] * (not path.resolve().is_relative_to(folder.resolve()))
                continue
            try:
                path = unpacked(path) if is_archive(path) else path
            except DataError as error:
                refused.append(Note("W_ARCHIVE", f"left out: {error}"))
                continue
            if path.is_dir():
                whole = next((reader for reader in READERS if reader.holds(path)), None)
                if whole and whole.refuses:
                    others.append(path)
                elif whole:
                    found.append((whole, path))
                else:
                    waiting.append(path)
            elif path.is_file():
                reader = _known(path)
                if reader is None or reader.refuses:
                    others.append(path)
                else:
                    found.append((reader, path))
    outside = _note("W_SYMLINK", links, folder, "leads out of the folder and is not followed; name it to read it")
    return found, (*refused, *outside, *_note("I_IGNORED", others, folder, "in no format of runs and not read"))


def _note(code: str, paths: list[Path], folder: Path, said: str) -> tuple[Note, ...]:
    if not paths:
        return ()
    names = ", ".join(str(path.relative_to(folder)) for path in paths[:SHOWN])
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return (Note(code, f"{names}{more}: {said}"),)
