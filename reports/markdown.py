"""A report as Markdown, with its figures as the SVG files beside it.

Names in a run table may be hostile: whatever Markdown or HTML would act on is escaped where text enters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.base import Cell, Figure, Findings, Quantity, Range, Report, Section, Table, Text
from reports.wording import show, tidy
from scalelaw import __version__
from scalelaw.results import Finding

MAX_ROWS = 50
"""Rows of a table in the text; the JSON beside it has them all."""
_ENTITIES = {ord(char): f"&#{ord(char)};" for char in "&<>|"}
_LINKS = re.compile(r"(?<=[A-Za-z]):(?=//)|(?<=www)\.|@")


def to_markdown(report: Report, figures: str) -> str:
    """The document; `figures` is the folder beside it that holds `NAME.svg`."""
    parts = [f"# {text(report.title)}", *(_section(section, figures) for section in report.sections)]
    rows = tuple(report.provenance.items())
    parts += [_section(Table("provenance", "Provenance", ("what", "value"), rows), figures)]
    return "\n\n".join([*parts, f"Made by scalelaw {text(__version__)}."]) + "\n"


def text(value: str) -> str:
    """Text that Markdown shows as it is.

    >>> text("a | b [x](javascript:1) `c`")
    'a &#124; b \\\\[x\\\\](javascript:1) \\\\`c\\\\`'
    """
    escaped = re.sub(r"([\\`*_\[\]~$#])", r"\\\1", tidy(value)).translate(_ENTITIES)
    linkless = _LINKS.sub(lambda match: f"&#{ord(match.group())};", escaped)
    return re.sub(r"^(\d*)([.)]|[-+=]+)(?=\s|$)", r"\1\\\2", linkless)  # no list and no rule


def _section(section: Section, figures: str) -> str:
    match section:
        case Text():
            body = "\n\n".join(map(text, section.paragraphs))
        case Table():
            body = _table(section)
        case Findings():
            body = "\n".join(map(_finding, section.findings)) or "Nothing to warn of."
        case Figure():
            body = f"![{text(section.title)}]({figures}/{section.name}.svg)\n\n{text(section.caption)}"
    return f"## {text(section.title)}\n\n{body}"


def _finding(finding: Finding) -> str:
    knob = f" Option: {text(finding.knob)}." if finding.knob else ""
    sentence = f"**{finding.severity.capitalize()}:** {text(finding.message.removesuffix('.'))}.{knob}"
    return f"- {sentence} ({text(finding.code)})"


def _table(table: Table) -> str:
    rows = table.rows[:MAX_ROWS]
    numeric = [any(isinstance(row[i], Quantity | Range | int) for row in rows) for i in range(len(table.columns))]
    rule = ["---:" if right else "---" for right in numeric]
    lines = [_row(map(text, table.columns)), _row(rule), *(_row(map(_cell, row)) for row in rows)]
    hidden = len(table.rows) - len(rows)
    notes = [text(table.caption), f"{hidden:,} more rows are in the JSON of this report." if hidden else ""]
    return "\n\n".join(["\n".join(lines), *filter(None, notes)])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    return text(show(cell))
