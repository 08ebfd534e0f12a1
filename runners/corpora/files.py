"""Your own text: the files of a folder, or one file cut into documents."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from runners.corpora._bpe import BpeCorpus
from runners.corpora._bytes import ByteCorpus, read
from runners.corpora._templates import Options, Template, whole
from runners.corpora._text import TextCorpus
from scalelaw.errors import DataError, UsageError

PASSAGE = 2**12
"""Bytes after which one file's next blank line ends a document."""


class Files(ByteCorpus):
    """The bytes of every file below a folder, hidden ones left out; of one file, its passages of 4 KiB and more."""

    def __init__(self, name: str, path: str | Path, suffix: str = "", licence: str = "not stated") -> None:
        self.name, self.path, self.suffix = name, Path(path).expanduser(), suffix
        self.source, self.licence = f"files of {self.path}", licence

    def files(self) -> Iterable[Path]:
        """The folder's files that end in `suffix`; `DataError` where there is none."""
        if self.path.is_file():
            return [self.path]
        if not self.path.exists():
            raise DataError("E_NO_CORPUS", "there is no such file or folder of text", file=self.path)
        found = [path for path in below(self.path) if path.name.endswith(self.suffix)]
        if not found:
            raise DataError(
                "E_NO_CORPUS",
                f"no {self.suffix or 'text'} files",
                file=self.path,
                remedy=f"name a folder that has some, or a file: {TextFiles.usage}",
            )
        return found

    def contents(self) -> Iterable[bytes]:
        """Whole files, or the passages of the one file."""
        return passages(read(self.path)) if self.path.is_file() else super().contents()


def below(folder: Path) -> list[Path]:
    """Every file below a folder, without what is hidden; `DataError` names a folder that cannot be looked into."""

    def refuse(error: OSError) -> None:
        problem = f"a folder of a corpus cannot be read ({error.strerror})"
        raise DataError("E_UNREADABLE", problem, file=error.filename, remedy="mend its rights, or move it away")

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return [path for path in found if path.is_file()]


def passages(text: bytes) -> list[bytes]:
    """The text cut at blank lines into parts of at least 4 KiB, the last one excepted."""
    parts, start = [], 0
    for blank in re.finditer(rb"\n[ \t\r]*\n", text):
        if blank.end() - start >= PASSAGE:
            parts.append(text[start : blank.end()])
            start = blank.end()
    return [*parts, text[start:]]


class TextFiles(Template):
    """Text files by their place."""

    name = "files"
    usage = "files:PATH[|suffix=.txt][|bpe=4096][|licence=MIT]"
    options: ClassVar[Options] = {"suffix": str, "bpe": whole, "licence": str}

    def make(
        self, name: str, place: str, bpe: int | None = None, suffix: str = "", licence: str = "not stated", **_: Any
    ) -> TextCorpus:
        """Bytes, or tokens of a BPE where `bpe` is its vocabulary."""
        if not place:
            raise UsageError(f"The corpus files needs a folder or a file: {self.usage}; found {name!r}.")
        text = Files(name, place, suffix, licence)
        return BpeCorpus(name, text, bpe) if bpe else text


KIND = TextFiles()
