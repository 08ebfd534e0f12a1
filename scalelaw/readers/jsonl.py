"""One JSON object a line, or one JSON array of objects; nested keys are joined with a slash."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice, repeat
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader, lines_text
from scalelaw.readers.loading import HEAD, Loaded, load, text_encoding
from scalelaw.readers.logs import flat
from scalelaw.readers.redacting import redacted_text
from scalelaw.runs import Note

Record = dict[str, Any]
PART = 500
"""Records held at a time: so few that the garbage collector seldom meets them."""
_LONG_NUMBER = re.compile(r'"([^"]+)"\s*:\s*-?\d{4301,}')
"""A number of more digits than Python reads (4,300), with the key before it."""


class JsonLinesReader(Reader):
    """JSON lines: `{"eval": {"loss": 2.9}}` becomes column `eval/loss`; a key that a line lacks is a missing cell."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson", ".json")

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with a brace or a bracket."""
        return head.lstrip()[:1] in (b"{", b"[")

    def read(self, path: Path, manner: Manner) -> Cells:
        """Columns in the order their keys first appear."""
        notes: list[Note] = []
        loaded = _without_holes(load(path), notes)
        text = loaded.content.decode(text_encoding(loaded, manner.encoding))
        if text.lstrip().startswith("["):
            numbered: Iterator[tuple[int, Record]] = ((0, record) for record in _array(path, text))
        else:
            numbered = _lines(path, text, manner.skip_bad_lines, notes)
        columns, lines = _columns(numbered)
        if not lines:
            raise DataError("E_NO_ROWS", "0 rows", file=path, remedy="check what wrote it")
        return Cells(
            path=str(path),
            columns=columns,
            file=(str(path),) * len(lines),
            line=np.array(lines, dtype=np.int64),
            sources=(loaded.source,),
            notes=tuple(notes),
        )


def _columns(numbered: Iterator[tuple[int, Record]]) -> tuple[dict[str, list[Any]], list[int]]:
    """Columns in the order their names first appear, and lines; a part at a time, for a record is ten times a row."""
    columns: dict[str, list[Any]] = {}
    lines: list[int] = []
    while part := list(islice(numbered, PART)):
        places, records = zip(*part, strict=True)
        names = dict.fromkeys(chain.from_iterable(records))
        alike = set(map(len, records)) == {len(names)}
        for name in names:
            column = columns.setdefault(name, [])
            column += repeat(None, len(lines) - len(column))
            column += map(itemgetter(name), records) if alike else [record.get(name) for record in records]
        lines += places
    for column in columns.values():
        column += [None] * (len(lines) - len(column))
    return columns, lines


def _without_holes(loaded: Loaded, notes: list[Note]) -> Loaded:
    """The content without the NUL bytes that a loss of power leaves within a log, which are noted.

    NULs among the first bytes are another matter: the file is in another encoding, or no text.
    """
    content = loaded.content
    if b"\0" not in content or b"\0" in content[:HEAD]:
        return loaded
    lines = tuple(number for number, line in enumerate(content.split(b"\n"), start=1) if b"\0" in line)
    message = f"{lines_text(lines)}: {content.count(0):,} NUL bytes, such as a loss of power leaves, are passed over"
    notes.append(Note("W_NUL", message, lines))
    return replace(loaded, content=content.replace(b"\0", b""))


def _array(path: Path, text: str) -> list[Record]:
    try:
        return [_record(item) for item in _DECODER.decode(text)]
    except (ValueError, RecursionError) as error:
        raise _broken(path, None, text, error) from None


def _lines(path: Path, text: str, skip: bool, notes: list[Note]) -> Iterator[tuple[int, Record]]:
    """Records with their lines. What is left out is noted: a last line without its newline that does not parse was
    being written; other broken lines are errors unless they are to be skipped.
    """
    lines = text.split("\n")
    skipped: list[int] = []
    double: list[int] = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line:
            continue
        try:
            value, end = _DECODER.raw_decode(line)
            if end == len(line):
                yield number, value if line.find("{", 1) < 0 and line[0] == "{" else _record(value)
                continue
            whole = [_record(item) for item in _all(line)]
        except (ValueError, RecursionError) as error:
            if number == len(lines) and number > 1:
                message = f"line {number}: half written, without a newline; dropped"
                notes.append(Note("W_TRUNCATED", message, (number,)))
            elif skip:
                skipped.append(number)
            else:
                raise _broken(path, number, line, error) from None
        else:
            double.append(number)
            yield from ((number, record) for record in whole)
    if skipped:
        message = f"{lines_text(skipped)}: not JSON, left out ({len(skipped)} of {len(lines)} lines)"
        notes.append(Note("W_BAD_LINES", message, tuple(skipped)))
    if double:
        said = "two objects on one line; both read" if len(double) == 1 else "objects that share a line; all read"
        notes.append(Note("W_CONCATENATED", f"{lines_text(double)}: {said}", tuple(double)))


def _all(line: str) -> Iterator[Any]:
    """The values that follow one another on a line."""
    end = 0
    while end < len(line):
        value, end = _DECODER.raw_decode(line, end)
        yield value
        end += len(line[end:]) - len(line[end:].lstrip())


def _record(value: Any) -> Record:
    if not isinstance(value, dict):
        raise ValueError(f"an object with one run's columns was expected, not {type(value).__name__}")
    if dict in map(type, value.values()):
        return flat(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = ", ".join(sorted({name for name in names if names.count(name) > 1}))
        raise ValueError(f"the key {twice} is given twice")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _broken(path: Path, line: int | None, text: str, error: Exception) -> DataError:
    """The error of a line, or with `line` None of a whole array."""
    long = _LONG_NUMBER.search(text)
    if isinstance(error, RecursionError):
        problem = "the nesting is too deep"
    elif long:
        problem = f"the number of {long[1]} has more digits than any count"
    else:  # JSONDecodeError, a key given twice, no object
        problem = f"not JSON lines: {error}"
    remedy = "correct the line; one object a line is expected"
    if line is not None:
        remedy += ", or leave broken lines out with --skip-bad-lines"
    return DataError("E_JSON", problem, file=path, line=line, value=_shown(text), remedy=remedy)


def _shown(text: str) -> str:
    """The beginning of what does not parse, without secrets.

    A piece that begins within an object may have lost a secret's name and kept the secret: only its length is told.
    """
    if '"' in text and not text.lstrip().startswith(("{", "[")):
        return f"{len(text):,} characters from within an object"
    return redacted_text(text[:2000])[:60]


KIND = JsonLinesReader()
