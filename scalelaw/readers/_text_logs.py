"""Logs that are lines of text among others: what programs print and what they append to a file."""

from __future__ import annotations

import gzip
import re
import zlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from scalelaw.readers._gathering import Points
from scalelaw.readers.base import Manner, lines_text
from scalelaw.readers.loading import known_encoding, load
from scalelaw.readers.logs import Log, LogReader, Logs, stem
from scalelaw.runs import Note

ENDINGS = (".txt", ".log", ".out", ".err", "")
"""Endings of files that are looked into further: source code, arguments or warnings may come before the first step."""
LOOK = 1 << 20
"""Bytes that are looked at then."""
LONGEST = 4096
"""Characters of a line; what is longer was not printed by a training loop."""
NUMBER = r"[-+]?(?:nan|inf|\d[\d,]*(?:\.\d*)?(?:[eE][-+]?\d+)?)"
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class Draft:
    """A run as its lines are read."""

    config: dict[str, Any] = field(default_factory=dict)
    points: Points = field(default_factory=Points)
    notes: list[Note] = field(default_factory=list)


class TextLogReader(LogReader):
    """One file a run, named as the file. `mark` is what some line of such a log, and of no other, begins with."""

    mark: ClassVar[re.Pattern[str]]

    @abstractmethod
    def take(self, line: str, number: int, draft: Draft) -> None:
        """Add what a line says, if it says anything; terminal colours are gone from it."""

    def finish(self, draft: Draft) -> None:
        """Add what only the whole log tells."""

    def claims(self, path: Path, head: bytes) -> bool:
        """A line begins as those of this log do: among the first bytes, or, by its ending, among the first megabyte."""
        if head.lstrip().startswith((b"{", b"[{")):
            return False  # JSON lines may quote such a line
        plain = path.with_suffix("") if path.suffix == ".gz" else path
        if plain.suffix.lower() in ENDINGS and not self._marked(head) and b"\0" not in head:
            head = _start(path)
        return self._marked(head)

    def _marked(self, head: bytes) -> bool:
        printed = (line for line in _lines(head.decode("utf-8", "replace")) if len(line) <= LONGEST)
        return self.mark.search(_COLOUR.sub("", "\n".join(printed))) is not None

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The run of a file."""
        loaded, draft = load(path), Draft()
        text = loaded.content.decode(known_encoding(manner.encoding), "replace")
        lines = _lines(text)
        if holes := tuple(number for number, line in enumerate(lines, start=1) if "\0" in line):
            said = f"{lines_text(holes)}: {text.count(chr(0)):,} NUL bytes, such as a crash leaves, are not read"
            draft.notes.append(Note("W_NUL", said, holes))
        for number, line in enumerate(lines[:-1], start=1):
            if len(line) <= LONGEST and "\0" not in line:
                self.take(_COLOUR.sub("", line), number, draft)
        if lines[-1].strip():
            said = f"line {len(lines)}: no newline at its end, so it may be half written; it is not read"
            draft.notes.append(Note("W_TRUNCATED", said, (len(lines),)))
        self.finish(draft)
        log = Log(stem(path), draft.config, draft.points.rows, str(path), draft.points.lines, id=str(path))
        return Logs([log], (loaded.source,), tuple(draft.notes))


def _lines(text: str) -> list[str]:
    """Lines, whichever system ended them; of one that a progress bar wrote over, what came last."""
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) == 1:
        return text.split("\r")
    return [line.rsplit("\r", 1)[-1] for line in lines]


def number(text: str) -> float | int:
    """A number as a log prints it: whole where it is whole, thousands with commas.

    >>> number("491,520"), number("3.0"), number("nan")
    (491520, 3.0, nan)
    """
    plain = text.replace(",", "")
    return int(plain) if re.fullmatch(r"[-+]?\d+", plain) else float(plain)


def numbers(found: Mapping[str, str | None]) -> dict[str, float | int]:
    """The groups of a match that matched, as numbers."""
    return {name: number(text) for name, text in found.items() if text is not None}


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            if path.suffix != ".gz":
                return raw.read(LOOK)
            with gzip.GzipFile(fileobj=raw) as stream:
                return stream.read(LOOK)
    except (OSError, EOFError, zlib.error):
        return b""
