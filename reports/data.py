"""A report as JSON: every number it shows, at full precision. What is missing or not finite is null."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from reports.base import Cell, Findings, Quantity, Range, Report, Section, Table
from scalelaw import __version__

FORMAT = "scalelaw/report/1"


def to_json(report: Report) -> str:
    """The report as a JSON document."""
    return json.dumps(to_data(report), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


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
    plain: dict[str, Any] = finite(asdict(section))
    if "layers" in plain:
        kinds = [type(layer).__name__.lower() for layer in section.layers]  # type: ignore[union-attr]
        plain["layers"] = [{"kind": k} | layer for k, layer in zip(kinds, plain["layers"], strict=True)]
    return kind | plain


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
