"""Bytes of a file, unpacked where it is gzipped, and the encoding its text is in."""

from __future__ import annotations

import codecs
import difflib
import gzip
import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError, UsageError
from scalelaw.runs import Note, Source

GZIP_MAGIC = b"\x1f\x8b"
HEAD = 256
"""Bytes looked at to tell text from something else."""
CHUNK = 1 << 24
"""Bytes unpacked at a time. A chunk without one line end is no table: it is how small archives fill a memory."""

_CONTROL = set(range(1, 7)) | set(range(14, 27))
"""Control bytes that text does not hold. Left out: line ends, tabs, and the bell, backspace and escape of terminals."""


@dataclass(frozen=True)
class Loaded:
    """The content of a file, unpacked; `source` holds the digest of the bytes as they lie on disk."""

    path: Path
    content: bytes
    source: Source


def load(path: Path) -> Loaded:
    """A file's content. Raises `UsageError` without such a file, `DataError` (E_EMPTY, E_COMPRESSED) otherwise."""
    if not path.is_file():
        raise missing_file(path)
    packed = path.read_bytes()
    source = Source.of(path, packed)
    if path.suffix == ".gz":
        return Loaded(path, _unpacked(path, packed), source)
    if packed.startswith(GZIP_MAGIC):
        raise DataError("E_COMPRESSED", "this is gzip data", file=path, remedy=f"rename to {path.suffix or '.csv'}.gz")
    return Loaded(path, packed, source)


def below(folder: Path, pattern: str = "*") -> tuple[list[Path], tuple[Note, ...]]:
    """Files at any depth whose names match, in order; links that lead out of the folder are left aside and noted."""
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    outside = [path for path in found if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())]
    said = "leads out of the folder and is not followed; name it to read it"
    notes = tuple(Note("W_SYMLINK", f"{path}: {said}") for path in outside)
    return [path for path in found if path not in outside], notes


def parsed_json(path: Path, text: str | bytes, remedy: str, line: int | None = None) -> Any:
    """What a JSON text says; `DataError` E_JSON where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("E_JSON", f"not JSON: {error}", file=path, line=line, remedy=remedy) from None


def missing_file(path: Path) -> UsageError:
    """The error for a file that is not there, with the nearest name that is."""
    return UsageError(f"No such file: {str(path)!r}.{_near(path)}")


def _near(path: Path) -> str:
    siblings = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f" Did you mean {str(path.with_name(near[0]))!r}?" if near else ""


def _unpacked(path: Path, packed: bytes) -> bytes:
    chunks: list[bytes] = []
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            while chunk := stream.read(CHUNK):
                if len(chunk) == CHUNK and b"\n" not in chunk and b"\r" not in chunk:
                    raise DataError("E_FIELD_TOO_LONG", f"a line is beyond the limit of {CHUNK:,} bytes", file=path)
                chunks.append(chunk)
    except EOFError:
        raise DataError("E_COMPRESSED", "the gzip stream is truncated", file=path, remedy="copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError("E_COMPRESSED", f"not readable as gzip: {error}", file=path, remedy="copy it again") from None
    return b"".join(chunks)


def text_encoding(loaded: Loaded, wanted: str) -> str:
    """The encoding the content decodes in: `wanted`, or what a byte-order mark says.

    Raises `DataError`: E_EMPTY, E_ENCODING (not text, or not in that encoding), E_NUL (holes left by a crash).
    """
    path, content = loaded.path, loaded.content
    if not content.strip():
        raise DataError("E_EMPTY", "the file is empty", file=path, remedy="check what wrote it")
    encoding = _marked(content) or wanted
    if "16" not in encoding and "32" not in encoding:
        _refuse_binary(path, content)
        _refuse_nul(path, content)
    try:
        content.decode(known_encoding(encoding))
    except UnicodeDecodeError as error:
        problem = f"not {encoding}: byte 0x{content[error.start]:02x} at byte offset {error.start}"
        raise DataError(
            "E_ENCODING",
            problem,
            file=path,
            line=_line_of(content, error.start),
            remedy="name its encoding, for example --encoding latin-1",
        ) from None
    return encoding


def known_encoding(name: str) -> str:
    """The name of an encoding, if there is such a one; `UsageError` otherwise."""
    try:
        codecs.lookup(name)
    except LookupError:
        raise UsageError(f"Unknown encoding {name!r}. Known: utf-8, latin-1, utf-16, cp1252, ...") from None
    return name


def _marked(content: bytes) -> str | None:
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    return "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else None


def _refuse_binary(path: Path, content: bytes) -> None:
    head = content[:HEAD]
    if any(byte in _CONTROL for byte in head):
        raise DataError("E_ENCODING", "not text: the file begins with control bytes", file=path)
    if head.count(0) > len(head) // 4:  # one NUL in two bytes: ASCII in UTF-16
        first = head.index(0)
        problem = f"NUL at byte {first}: the encoding looks like UTF-16 without a byte-order mark"
        guess = "utf-16-le" if first % 2 else "utf-16-be"
        raise DataError("E_ENCODING", problem, file=path, remedy=f"read it with --encoding {guess}")


def _refuse_nul(path: Path, content: bytes) -> None:
    at = content.find(b"\0")
    if at >= 0:
        problem = f"{content.count(0):,} NUL bytes, such as a crash leaves, from byte offset {at}"
        raise DataError("E_NUL", problem, file=path, line=_line_of(content, at), remedy="restore or cut the file there")


def _line_of(content: bytes, offset: int) -> int:
    before = content[:offset]
    return 1 + (before.count(b"\n") or before.count(b"\r"))
