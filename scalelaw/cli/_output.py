"""Writing answers to stdout as a table, JSON or CSV, and notes to stderr."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from scalelaw.results import Finding, Interval, Unavailable

Row = Mapping[str, Any]

WIDTH = 80
"""Columns of a terminal that everybody has."""


def write_json(data: Mapping[str, Any]) -> None:
    """One JSON document; anything infinite has been made null before."""
    typer.echo(json.dumps(data, indent=2, allow_nan=False))


def write_csv(rows: Sequence[Row]) -> None:
    """The rows with a header; text a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)
    typer.echo(text.getvalue(), nl=False)


def _harmless(value: Any) -> Any:
    from scalelaw.readers.spreadsheet import guard

    return clean(guard(value)) if isinstance(value, str) else value


def aligned(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Rows as columns of text under a header; no column is cut."""
    table = [[clean(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def shown(value: float, digits: int = 4) -> str:
    """A number for a table; large counts, and those with more digits than are shown, get a suffix."""
    from scalelaw.numbers import format_quantity

    text = f"{value:.{digits}g}"
    return format_quantity(value, digits=digits) if abs(float(text)) >= 10.0 ** min(digits, 4) else text


def duration(seconds: float) -> str:
    """A rough time in the unit one would say it in.

    >>> [duration(seconds) for seconds in (1e-15, 0.34, 12.3, 400, 12_600, 1e6)]
    ['0 s', '0.3 s', '12 s', '7 min', '3.5 h', '11.6 days']
    """
    if seconds < 90:
        return f"{round(seconds, 1 if seconds < 10 else None):g} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.3g} days"


def shown_interval(interval: Interval | Unavailable, digits: int = 4) -> tuple[str, str]:
    """Estimate and interval as two cells."""
    from scalelaw.results import Unavailable

    if isinstance(interval, Unavailable):
        return "-", f"not available: {interval.reason}"
    return shown(interval.estimate, digits), f"[{shown(interval.low, digits)}, {shown(interval.high, digits)}]"


def wrapped(text: str, indent: str = "  ") -> None:
    """A line on stdout, as several of at most 80 columns; a word is never cut."""
    import textwrap

    lines = textwrap.wrap(clean(text), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    typer.echo("\n".join(lines))


def write_findings(findings: Iterable[Finding]) -> None:
    """One finding a line on stdout, after a table."""
    for finding in findings:
        typer.echo(clean(str(finding)))


def note(message: str, quiet: bool = False) -> None:
    """A line on stderr."""
    if not quiet:
        typer.echo("\n".join(map(clean, message.split("\n"))), err=True)


def clean(text: str) -> str:
    """Text from a file made safe for a terminal: control characters and escapes become visible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def named(text: str, width: int = 24) -> str:
    """A name from a file made safe, its middle left out where it is too long: names often differ at their ends."""
    safe = clean(text)
    return safe if len(safe) <= width else f"{safe[: width - 12]}..{safe[-10:]}"


def interactive() -> bool:
    """Whether stderr is a terminal, where progress may be drawn."""
    return sys.stderr.isatty()
