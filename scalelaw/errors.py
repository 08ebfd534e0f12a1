"""Errors that name what was received, what was expected and the next step."""

from __future__ import annotations

from pathlib import Path


class ScalelawError(Exception):
    """Base of every error scalelaw raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(ScalelawError):
    """A call whose words are off: an unknown name, two options that exclude each other."""

    exit_code = 2


class FormulaError(UsageError):
    """A formula that is not one, or that holds what no formula may; its `code` is E_EXPR."""

    code = "E_EXPR"

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} [{self.code}]")


class NotConvergedError(ScalelawError):
    """A fit that did not reach an optimum; the message says what was tried."""

    exit_code = 3


class DataError(ScalelawError):
    """Data that must be refused: nothing is fitted, nothing is silently dropped.

    `code` is stable and machine-readable (`E_NOT_POSITIVE`, `E_MISSING_COLUMN`, ...). `line` is the 1-based physical
    line of the file, header included.

    >>> print(DataError("E_NOT_POSITIVE", "the loss must be positive", file="runs.csv", line=8, column="loss",
    ...                 value="-2.41", remedy="correct the cell"))
    runs.csv, line 8, column loss: the loss must be positive; found '-2.41'. Next: correct the cell. [E_NOT_POSITIVE]
    """

    exit_code = 4

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        column: str | None = None,
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.code, self.problem, self.remedy = code, problem, remedy
        self.file = None if file is None else str(file)
        self.line, self.column, self.value = line, column, value
        place = ", ".join(
            part
            for part in (
                self.file,
                None if line is None else f"line {line}",
                None if column is None else f"column {column}",
            )
            if part
        )
        message = f"{place}: {problem}" if place else problem
        if value is not None:
            shown = str(value)
            message += f"; found {shown if len(shown) <= 80 else shown[:77] + '...'!r}"
        if remedy:
            message += f". Next: {remedy}"
        super().__init__(f"{message}. [{code}]")


class MissingExtraError(ScalelawError):
    """An optional part is not installed; the message holds the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part. Next: pip install 'scalelaw[{extra}]'")
