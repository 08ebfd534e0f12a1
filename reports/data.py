"""A report as JSON: every number it shows, at full precision. What is missing or not finite is null.

Texts over points are left out: they repeat the numbers of the rows beside the report.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, fields
from typing import Any

from reports.base import Cell, Figure, Findings, Layer, Quantity, Range, Report, Section, Table
from scalelaw import __version__

FORMAT = "scalelaw/report/1"
_ON_ONE_LINE = re.compile(r"\[\n(?:[\s\d.,eE+-]|null)*\]")
"""A list of numbers, each on its line. No string fits: in one a line break is written as an escape."""


def to_json(report: Report) -> str:
    """The report as a JSON document."""
    text = json.dumps(to_data(report), indent=1, allow_nan=False)  # in ASCII: no character acts unseen
    return _ON_ONE_LINE.sub(lambda numbers: " ".join(numbers.group().split()), text) + "\n"


def to_data(report: Report) -> dict[str, Any]:
    """The report as plain data; a table's rows are objects by column name, a figure's layers carry their kind."""
    return {
        "format": FORMAT,
        "scalelaw": __version__,
        "title": report.title,
        "sections": [_section(section) for section in report.sections],
        "provenance": {name: _cell(cell) for name, cell in report.provenance.items()},
    }


def _section(section: Section) -> dict[str, Any]:
    kind = {"kind": type(section).__name__.lower()}
    if isinstance(section, Table):
        rows = [dict(zip(section.columns, map(_cell, row), strict=True)) for row in section.rows]
        return kind | {"name": section.name, "title": section.title, "caption": section.caption, "rows": rows}
    if isinstance(section, Findings):
        findings = [asdict(finding) for finding in section.findings]
        return kind | {"name": section.name, "title": section.title, "findings": findings}
    if isinstance(section, Figure):
        axes = {"x": finite(asdict(section.x)), "y": finite(asdict(section.y))}
        told = {"name": section.name, "title": section.title, "caption": section.caption, "legend": section.legend}
        return kind | told | axes | {"layers": [_layer(layer) for layer in section.layers]}
    return kind | asdict(section)


def _layer(layer: Layer) -> dict[str, Any]:
    held = {field.name: getattr(layer, field.name) for field in fields(layer) if field.name != "hover"}
    plain: dict[str, Any] = finite(held)
    return {"kind": type(layer).__name__.lower()} | plain


def _cell(cell: Cell) -> Any:
    match cell:
        case Quantity(value):
            return finite(value)
        case Range(low, high):
            return finite({"low": low, "high": high})
        case _:
            return cell


def finite(value: Any) -> Any:
    """The same value with None where a number is not finite, through dictionaries and sequences."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
