"""One JSON object a line, or one JSON array of objects; nested keys are joined with a slash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.loading import load, text_encoding
from scalelaw.readers.logs import flat
from scalelaw.runs import Note

Record = dict[str, Any]


class JsonLinesReader(Reader):
    """JSON lines: `{"eval": {"loss": 2.9}}` becomes column `eval/loss`; a key that a line lacks is a missing cell."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson", ".json")

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with a brace or a bracket."""
        return head.lstrip()[:1] in (b"{", b"[")

    def read(self, path: Path, manner: Manner) -> Cells:
        """Columns in the order their keys first appear."""
        loaded = load(path)
        text = loaded.content.decode(text_encoding(loaded, manner.encoding))
        notes: list[Note] = []
        numbered = list(_array(path, text) if text.lstrip().startswith("[") else _lines(path, text, notes))
        if not numbered:
            raise DataError("E_NO_ROWS", "0 rows", file=path, remedy="check what wrote it")
        records = [record for _, record in numbered]
        names = dict.fromkeys(name for record in records for name in record)
        return Cells(
            path=str(path),
            columns={name: [record.get(name) for record in records] for name in names},
            file=(str(path),) * len(records),
            line=np.array([line for line, _ in numbered], dtype=np.int64),
            sources=(loaded.source,),
            notes=tuple(notes),
        )


def _array(path: Path, text: str) -> Iterator[tuple[int, Record]]:
    return ((0, record) for record in _decoded(path, text, None))


def _lines(path: Path, text: str, notes: list[Note]) -> Iterator[tuple[int, Record]]:
    """Records with their lines. A last line without its newline that does not parse was being written: it is noted."""
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield from ((number, record) for record in _decoded(path, line, number))
        except DataError:
            if number < len(lines) or number == 1:
                raise
            message = f"line {number}: half written, without a newline; it is not read"
            notes.append(Note("W_TRUNCATED", message, (number,)))


def _decoded(path: Path, text: str, line: int | None) -> list[Record]:
    """The records of one line, or, with `line` None, of a whole array."""
    try:
        value = json.loads(text, object_pairs_hook=_once)
        return [flat(_object(item)) for item in (value if line is None else [value])]
    except RecursionError:
        problem = "the nesting is too deep"
    except ValueError as error:  # JSONDecodeError, a key given twice, an integer of thousands of digits
        problem = f"not JSON lines: {error}"
    remedy = "correct the line; one object a line is expected"
    raise DataError("E_JSON", problem, file=path, line=line, value=text[:60], remedy=remedy) from None


def _once(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = ", ".join(sorted({name for name in names if names.count(name) > 1}))
        raise ValueError(f"the key {twice} is given twice")
    return record


def _object(value: Any) -> Record:
    if isinstance(value, dict):
        return value
    raise ValueError(f"an object with one run's columns was expected, not {type(value).__name__}")


KIND = JsonLinesReader()
