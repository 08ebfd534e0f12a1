"""Tables of delimited text: commas, semicolons or tabs, as the header line shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader, lines_text
from scalelaw.readers.loading import load, text_encoding
from scalelaw.runs import Note

SEPARATORS = ",;\t"
PART = 500
"""Rows held as rows at a time: so few that the garbage collector seldom meets them."""


class DelimitedReader(Reader):
    """CSV, TSV and semicolon tables. Lines that begin with `#` are comments; blank lines are stepped over."""

    name = "csv"
    suffixes = (".csv", ".tsv", ".txt")

    def read(self, path: Path, manner: Manner) -> Cells:
        """Columns of text, with the physical line each record begins on."""
        loaded = load(path)
        encoding = text_encoding(loaded, manner.encoding)
        separator = _separator(_open(loaded.content, encoding))
        lines = _Lines(_open(loaded.content, encoding))
        records = _records(path, lines, separator)
        header = _header(path, records)
        columns, starts = _columns(path, records, header)
        final = loaded.content[-4:].strip(b"\0").endswith((b"\n", b"\r"))
        return Cells(
            path=str(path),
            columns=dict(zip(header, columns, strict=True)),
            file=(str(path),) * len(starts),
            line=np.array(starts, dtype=np.int64),
            sources=(loaded.source,),
            notes=_comment_notes(lines.comments, starts[0]) + (() if final else _cut_notes(columns[-1], starts[-1])),
            separator=separator,
        )


class _Lines:
    """Physical lines for `csv.reader`, comments left out and counted; `first` is the line a record began on.

    `csv.reader` pulls lines until a record is whole, so whoever consumes a record sets `at_start` again.
    """

    def __init__(self, source: Iterable[str]) -> None:
        self._source = iter(source)
        self.number, self.first, self.at_start, self.last = 0, 0, True, ""
        self.comments: list[int] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._source)
        self.number += 1
        while self.at_start and line.startswith("#"):
            self.comments.append(self.number)
            line = next(self._source)
            self.number += 1
        if self.at_start:
            self.first, self.at_start = self.number, False
        self.last = line
        return line


def _open(content: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")


def _separator(lines: Iterable[str]) -> str:
    header = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return max(SEPARATORS, key=header.count)


def _records(path: Path, lines: _Lines, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the line they begin on. Strict, so that a quote left open is an error and not a long field."""
    header: list[str] = []
    try:
        for record in csv.reader(lines, delimiter=separator, strict=True):
            header = header or record
            yield lines.first, record
            lines.at_start = True
    except csv.Error as error:
        if "field larger" in str(error) and lines.first == lines.number:
            raise _too_long(path, lines, header, separator) from None
        problem = f"a quote is left open, or stands inside a field ({error})"
        remedy = "close the quote; write a quote inside a field twice"
        raise DataError("E_QUOTE", problem, file=path, line=lines.first, remedy=remedy) from None


def _too_long(path: Path, lines: _Lines, header: list[str], separator: str) -> DataError:
    lengths = [len(field) for field in lines.last.split(separator)]
    at = lengths.index(max(lengths))
    return DataError(
        "E_FIELD_TOO_LONG",
        f"a field of {lengths[at]:,} characters is beyond the limit of {csv.field_size_limit():,}",
        file=path,
        line=lines.first,
        column=header[at].strip() if at < len(header) else None,
        remedy="shorten the field, or leave the column out",
    )


def _header(path: Path, records: Iterator[tuple[int, list[str]]]) -> tuple[str, ...]:
    line, cells = next(((line, cells) for line, cells in records if cells), (0, []))
    if not cells:
        raise DataError("E_EMPTY", "no header and no rows", file=path, remedy="check what wrote it")
    names = tuple(cell.strip() or f"unnamed {i + 1}" for i, cell in enumerate(cells))
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        problem = f"two columns are named {', '.join(twice)}"
        raise DataError("E_DUP_COLUMN", problem, file=path, line=line, remedy="rename one of them")
    return names


def _columns(
    path: Path, records: Iterator[tuple[int, list[str]]], header: tuple[str, ...]
) -> tuple[list[list[str]], list[int]]:
    """The columns, and the line each row begins on; turned a part at a time, for rows take twice the memory."""
    columns: list[list[str]] = [[] for _ in header]
    starts: list[int] = []
    part: list[list[str]] = []
    width = len(header)
    for line, cells in records:
        if len(cells) != width:
            if any(cell.strip() for cell in cells):
                raise _ragged(path, line, cells, header)
        elif cells[0] or any(cells):
            part.append(cells)
            starts.append(line)
            if len(part) == PART:
                _extend(columns, part)
                part = []
    _extend(columns, part)
    if not starts:
        raise DataError("E_NO_ROWS", "a header and 0 rows", file=path, remedy="check what wrote it")
    return columns, starts


def _extend(columns: list[list[str]], rows: list[list[str]]) -> None:
    for column, cells in zip(columns, zip(*rows, strict=True), strict=False):
        column += cells


def _ragged(path: Path, line: int, cells: list[str], header: tuple[str, ...]) -> DataError:
    problem = f"{len(cells)} fields, {len(header)} expected as in the header ({', '.join(header[:8])})"
    remedy = "complete the row; a field that holds the separator must be quoted"
    return DataError("E_RAGGED", problem, file=path, line=line, remedy=remedy)


def _comment_notes(comments: list[int], first_row: int) -> tuple[Note, ...]:
    """A comment among the rows may be a run somebody switched off; it is not read, and that is said."""
    among = tuple(line for line in comments if line > first_row)
    if not among:
        return ()
    return (Note("I_COMMENT", f"{lines_text(among)}: begins with # among the rows and is not read", among),)


def _cut_notes(column: list[str], line: int) -> tuple[Note, ...]:
    """Without a final newline the last cell may be half written: a warning when it is shorter than every other one."""
    *others, last = column
    if not others or len(last) >= min(map(len, others)):
        message = f"line {line}: the file ends without a newline; its last value is taken to be whole, {last!r}"
        return (Note("I_NO_FINAL_NEWLINE", message, (line,)),)
    message = f"line {line}: the file ends without a newline and its last value may be cut; found {last!r}"
    return (Note("W_NO_FINAL_NEWLINE", message, (line,)),)


KIND = DelimitedReader()
