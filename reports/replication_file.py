"""A replication from its JSON file, so that anyone's numbers can be put beside the published ones."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from reports.checklist import QUESTIONS
from reports.replication_report import Replicated, Replication
from scalelaw.errors import DataError

TEXTS = ("name", "source", "method", "verdict")


def read_replication(path: str | Path) -> Replication:
    """The replication in a JSON file: texts `name`, `source`, `method`, `verdict`; a list `rows` of objects with the
    fields of `Replicated`; an object `answers`, optional, by the names of `reports.checklist.QUESTIONS`.

    Raises:
        DataError: `E_NOT_FOUND`, `E_JSON`, and `E_REPLICATION` for a field that is missing, unknown or no such value.
    """
    file = Path(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError("E_NOT_FOUND", f"it cannot be read ({error.strerror})", file=file) from None
    except ValueError as error:
        raise DataError("E_JSON", f"not JSON ({error})", file=file) from None
    known = _Known(file)
    table = known.table(content, "the replication", (*TEXTS, "rows"), ("answers",))
    answers = known.table(table.get("answers", {}), "answers", (), tuple(QUESTIONS))
    if not isinstance(table["rows"], list):
        raise known.wrong("rows", table["rows"], "a list")
    rows = tuple(_row(known, row, i) for i, row in enumerate(table["rows"], 1))
    texts = {name: known.of(table[name], name, str) for name in TEXTS}
    said = {name: known.of(answer, f"answers.{name}", str) for name, answer in answers.items()}
    return Replication(**texts, rows=rows, answers=said)


def _row(known: _Known, row: Any, i: int) -> Replicated:
    needed = tuple(field.name for field in fields(Replicated) if field.default is MISSING)
    table = known.table(row, f"row {i}", needed, ("unit",))
    kinds: dict[str, Any] = {"published": float, "ours": float, "agrees": bool}
    return Replicated(
        **{name: known.of(value, f"row {i}, {name}", kinds.get(name, str)) for name, value in table.items()}
    )


class _Known:
    """What the fields of one file must be."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def table(self, value: Any, where: str, needed: tuple[str, ...], others: tuple[str, ...]) -> dict[str, Any]:
        """An object with all the needed fields and none that is unknown."""
        if not isinstance(value, dict):
            raise self.wrong(where, value, "an object")
        for name in (*(name for name in needed if name not in value), *(n for n in value if n not in needed + others)):
            raise DataError(
                "E_REPLICATION",
                f"{where} has {', '.join(needed + others)}; {name!r} is {'unknown' if name in value else 'missing'}",
                file=self.file,
                remedy="correct the file",
            )
        return value

    def of(self, value: Any, where: str, kind: type) -> Any:
        """A value of a kind; whole numbers are numbers too."""
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, kind):
            raise self.wrong(where, value, {str: "a text", float: "a number", bool: "true or false"}[kind])
        return value

    def wrong(self, where: str, value: Any, expected: str) -> DataError:
        """The refusal of a value."""
        return DataError("E_REPLICATION", f"{where} must be {expected}", file=self.file, value=value)
