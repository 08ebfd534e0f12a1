"""Zip and tar archives as folders in memory: members are read where they lie, and nothing is ever written.

An archive is looked through before any of it is unpacked. One with a member that would climb out, a link, a device, or
more bytes, members or compression than logs of runs have, is refused as a whole.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from scalelaw.errors import DataError

if TYPE_CHECKING:
    FilePath = Path
else:
    FilePath = type(Path())  # Python 3.11 makes subclasses of the class of this system's paths only

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MEMBERS = 10_000
"""Files and the folders that they are in."""
MEMBER_BYTES = 256 << 20
ALL_BYTES = 1 << 30
RATIO = 200
"""Bytes that one byte may unpack to: JSON lines of a log reach some 50, a bomb of zeros 1000."""
SLACK = 1 << 20
"""Bytes below which the ratio says nothing."""
CHUNK = 1 << 20
END_RECORD = 22 + 0xFFFF
"""Bytes of the last record of a zip with the longest comment."""

BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, OverflowError, RuntimeError),
)
"""What the modules for archives raise where an archive is not what it says."""

Contents = Mapping[str, Callable[[], bytes]]


class Member(FilePath):
    """A file or folder inside an archive, with what readers ask of a path. Made by `unpacked`, a class an archive."""

    archive: ClassVar[Path]
    contents: ClassVar[Contents]
    """What a name, with slashes, holds."""
    below: ClassVar[Mapping[str, list[str]]]
    """The names of the files and folders right below a folder, whose own name is empty for the archive."""

    @property
    def _within(self) -> str:
        return "/".join(self.parts[len(self.archive.parts) :])

    def is_file(self, **_: Any) -> bool:
        """Whether the archive has a file of this name."""
        return self._within in self.contents

    def is_dir(self, **_: Any) -> bool:
        """Whether it is the archive, or files lie below it."""
        return self._within in self.below

    def exists(self, **_: Any) -> bool:
        """Whether it is a file or a folder."""
        return self.is_file() or self.is_dir()

    def is_symlink(self) -> bool:
        """Never: archives with links are refused."""
        return False

    def resolve(self, strict: bool = False) -> Member:
        """Itself."""
        return self

    def stat(self, **_: Any) -> os.stat_result:
        """Its size; nothing else of it is known."""
        return os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, len(self.read_bytes()), 0, 0, 0))

    def read_bytes(self) -> bytes:
        """The content, unpacked now."""
        try:
            return self.contents[self._within]()
        except KeyError:
            raise FileNotFoundError(f"no {self._within} in {self.archive}") from None

    def open(self, mode: str = "rb", *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]
        """The content as a stream of bytes."""
        return io.BytesIO(self.read_bytes())

    def iterdir(self) -> Iterator[Member]:  # type: ignore[override]
        """Files and folders right below it."""
        return (self / name for name in self.below.get(self._within, ()))

    def glob(self, pattern: str, **_: Any) -> Iterator[Member]:  # type: ignore[override]
        """Files and folders below it, as many levels as the pattern has parts."""
        found = [self]
        for part in PurePosixPath(pattern).parts:
            found = [item for folder in found for item in folder.iterdir() if fnmatchcase(item.name, part)]
        return iter(found)

    def rglob(self, pattern: str, **_: Any) -> Iterator[Member]:  # type: ignore[override]
        """Files and folders below it, at any depth, whose names match."""
        waiting = [self]
        while waiting:
            for item in waiting.pop().iterdir():
                waiting.append(item)
                if fnmatchcase(item.name, pattern):
                    yield item


def is_archive(path: Path) -> bool:
    """Whether a file's name says so. An archive in an archive is left alone."""
    return path.name.lower().endswith(ENDINGS) and path.is_file() and not isinstance(path, Member)


def unpacked(path: Path) -> Path:
    """The archive as a folder of readable paths; `DataError` E_ARCHIVE where any of it must not be read."""
    contents = _zip(path) if path.name.lower().endswith(".zip") else _tar(path)
    below: dict[str, list[str]] = {"": []}
    for name in contents:
        parts = name.split("/")
        for depth in range(len(parts), 0, -1):
            folder = "/".join(parts[: depth - 1])
            known = folder in below
            below.setdefault(folder, []).append(parts[depth - 1])
            if known:
                break
    if both := contents.keys() & below.keys():
        raise _refused(path, f"member {min(both)!r} is a file and a folder")
    kind = type("Member", (Member,), {"archive": path, "contents": contents, "below": below})
    return cast(Path, kind(path))


def _zip(path: Path) -> Contents:
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise _broken(path, error) from None
    members, stated = archive.infolist(), _stated(path)
    if stated != len(members) & 0xFFFF:
        raise _broken(path, ValueError(f"its end tells of {stated} members, and {len(members)} are listed"))
    budget = _Budget(path)
    contents: dict[str, Callable[[], bytes]] = {}
    for info in filter(lambda info: not info.is_dir(), members):
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _refused(path, f"member {info.filename!r} is a link or a device")
        if info.flag_bits & 1:
            raise _refused(path, f"member {info.filename!r} is encrypted")
        # An opened archive stays open as long as the paths that read from it.
        name = budget.take(info.filename, info.file_size, info.compress_size)
        contents[name] = partial(_member, path, archive, info)
    return contents


def _stated(path: Path) -> int:
    """Members that the record at the end of a zip counts, of which zipfile does not notice when they are gone."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - END_RECORD))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 10 : at + 12], "little")


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)  # no more than the size that was stated: zipfile stops there
    except BROKEN as error:
        raise _broken(path / info.filename, error) from None


def _tar(path: Path) -> Contents:
    content = None if path.name.lower().endswith(".tar") else _decompressed(path)
    budget = _Budget(path)
    contents: dict[str, Callable[[], bytes]] = {}
    try:
        with (
            path.open("rb") if content is None else io.BytesIO(content) as stream,
            tarfile.open(fileobj=stream, mode="r:") as archive,
        ):
            for info in filter(lambda info: not info.isdir(), archive):
                if not info.isreg() or info.issparse():
                    raise _refused(path, f"member {info.name!r} is a link, a device or sparse")
                name = budget.take(info.name, info.size, info.size)
                contents[name] = partial(_stretch, path, content, info.offset_data, info.size)
    except BROKEN as error:
        raise _broken(path, error) from None
    return contents


def _stretch(path: Path, content: bytes | None, at: int, size: int) -> bytes:
    """A member of a tar: of its unpacked content, or of the file itself where that is None."""
    if content is not None:
        return content[at : at + size]
    with path.open("rb") as stream:
        stream.seek(at)
        return stream.read(size)


def _decompressed(path: Path) -> bytes:
    """A tar without its compression, as much of it as is allowed."""
    name, packed = path.name.lower(), path.stat().st_size
    kind = bz2.BZ2File if "bz" in name else lzma.LZMAFile if "xz" in name else gzip.GzipFile
    chunks, size = [], 0
    try:
        with kind(path) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                _refuse_size(path, "the archive", size, packed)
                chunks.append(chunk)
    except BROKEN as error:
        raise _broken(path, error) from None
    return b"".join(chunks)


class _Budget:
    """What has been promised by the members seen so far, against what is allowed."""

    def __init__(self, path: Path) -> None:
        self._path, self._names, self._folders, self._size = path, set[str](), set[str](), 0

    def take(self, stated: str, size: int, packed: int) -> str:
        """The plain name of one more member, `a/b.csv` for `./a/b.csv`.

        Raises `DataError` E_ARCHIVE for a name that climbs out, one used twice, or too much.
        """
        parts = PurePosixPath(stated).parts
        name = "/".join(parts)
        if not name or stated.startswith("/") or ".." in parts or set(stated) & {"\\", "\0"} or stated[1:2] == ":":
            raise _refused(self._path, f"member {stated!r} would lie outside the archive's folder")
        if name in self._names:
            raise _refused(self._path, f"two members are named {name!r}")
        self._names.add(name)
        self._folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        self._size += size
        if len(self._names) + len(self._folders) > MEMBERS:
            raise _refused(self._path, f"it has more than {MEMBERS:,} files and folders, the limit")
        if self._size > ALL_BYTES:
            raise _refused(self._path, f"it unpacks to {self._size:,} bytes or more, beyond the limit of {ALL_BYTES:,}")
        _refuse_size(self._path, f"member {name!r}", size, packed)
        return name


def _refuse_size(path: Path, what: str, size: int, packed: int) -> None:
    if size > MEMBER_BYTES:
        raise _refused(path, f"{what} unpacks to {size:,} bytes or more, beyond the limit of {MEMBER_BYTES:,}")
    if size > SLACK and size > RATIO * max(packed, 1):
        ratio = f"{size:,} bytes or more, over {RATIO} times its {packed:,}"
        raise _refused(path, f"{what} unpacks to {ratio}: the ratio of a bomb, not of logs")


def _refused(path: Path, problem: str) -> DataError:
    remedy = "unpack it yourself if you trust it, and name the folder"
    return DataError("E_ARCHIVE", f"{problem}; nothing of it was read", file=path, remedy=remedy)


def _broken(path: Path, error: Exception) -> DataError:
    return DataError("E_ARCHIVE", f"not readable as an archive: {error}", file=path, remedy="copy it again")
