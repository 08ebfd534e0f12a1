"""A report as one self-contained HTML page: nothing is loaded from anywhere.

Names in a run table may be hostile. Text is escaped where it enters the page, data enters as JSON in which no tag can
be written, and a content security policy lets the page's own two scripts run, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from reports import plotly_bundle
from reports.base import Cell, Figure, Findings, Quantity, Range, Report, Section, Table, Text
from reports.data import finite
from reports.palette import DARK, LIGHT
from reports.plotly_figure import plotly_figure
from reports.wording import show, tidy
from scalelaw import __version__
from scalelaw.results import Finding

MAX_ROWS = 200
"""Rows of a table on the page; the JSON beside it has them all."""
LONG = 24
"""Characters from which a cell asks for a wide column."""
_UNSAFE_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def to_html(report: Report, beside: Sequence[str] = ()) -> str:
    """The page; its foot names the files `beside` it."""
    scripts = [_script_text(plotly_bundle.source()), _script_text(_shipped("report.js"))]
    data = {"palettes": {"light": LIGHT, "dark": DARK}, "figures": {f.name: plotly_figure(f) for f in report.figures}}
    tags = [f'<script id="report-data" type="application/json">{script_json(finite(data))}</script>']
    tags += [f"<script>{text}</script>" for text in scripts]
    parts = [_head(report, scripts), _header(report), *map(_section, report.sections), _provenance(report)]
    return "\n".join([*parts, f"</main>\n<footer>{_footer(beside)}</footer>", *tags, "</body>\n</html>\n"])


def script_json(value: Any) -> str:
    """JSON that can stand in a script element: `<`, `>`, `&` and the Unicode line ends are escaped.

    >>> script_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_UNSAFE_IN_SCRIPT)


def _script_text(code: str) -> str:
    """Code in which no string can end the element that holds it."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", code, flags=re.IGNORECASE)


def _shipped(name: str) -> str:
    return files("reports").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str]) -> str:
    """What the page may do: run these scripts, use inline styles and images it holds itself."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


def _head(report: Report, scripts: list[str]) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">{_refresh(report)}
<meta name="color-scheme" content="light dark">
<meta name="generator" content="scalelaw {__version__}">
<title>{text(report.title)}</title>
<style>
{_shipped("report.css")}</style>
</head>
<body>"""


def _refresh(report: Report) -> str:
    return f'\n<meta http-equiv="refresh" content="{report.refresh_s}">' if report.refresh_s else ""


def text(value: str) -> str:
    """Text as HTML; what would act unseen is shown by its number."""
    return html.escape(tidy(value), quote=True)


def _header(report: Report) -> str:
    entries = [(section.name, section.title) for section in report.sections[1:]] + [("provenance", "Provenance")]
    links = "\n".join(f'<a href="#{text(name)}">{text(title)}</a>' for name, title in entries)
    return f"<header>\n<h1>{text(report.title)}</h1>\n<nav>\n{links}\n</nav>\n</header>\n<main>"


def _section(section: Section) -> str:
    match section:
        case Text():
            body = "\n".join(f"<p>{text(paragraph)}</p>" for paragraph in section.paragraphs)
        case Table():
            body = _table(section)
        case Findings():
            body = _findings(section.findings)
        case Figure():
            body = _figure(section)
    return _framed(section.name, section.title, body)


def _framed(name: str, title: str, body: str) -> str:
    return f'<section id="{text(name)}">\n<h2>{text(title)}</h2>\n{body}\n</section>'


def _figure(figure: Figure) -> str:
    plot = f'<div class="plot" id="plot-{text(figure.name)}" role="img" aria-label="{text(figure.title)}"></div>'
    return f"<figure>\n{plot}\n<figcaption>{text(figure.caption)}</figcaption>\n</figure>"


def _table(table: Table) -> str:
    rows = "\n".join(_row(row) for row in table.rows[:MAX_ROWS])
    head = "".join(f"<th>{text(column)}</th>" for column in table.columns)
    hidden = len(table.rows) - MAX_ROWS
    captions = [table.caption, f"{hidden:,} more rows are in the JSON of this report." if hidden > 0 else ""]
    notes = "".join(f'\n<p class="caption">{text(caption)}</p>' for caption in captions if caption)
    scroll = f'<div class="scroll" tabindex="0">\n<table>\n<thead><tr>{head}</tr></thead>'
    return f"{scroll}\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>{notes}"


def _row(cells: Iterable[Cell]) -> str:
    return "<tr>" + "".join(_cell(cell) for cell in cells) + "</tr>"


def _cell(cell: Cell) -> str:
    shown = show(cell)
    kind = "number" if isinstance(cell, Quantity | Range | int) else "long" if len(shown) > LONG else "words"
    return f'<td class="{kind}">{text(shown)}</td>'


def _findings(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "<p>Nothing to warn of.</p>"
    items = "\n".join(_finding(finding) for finding in findings)
    return f'<ul class="findings">\n{items}\n</ul>'


def _finding(finding: Finding) -> str:
    knob = f" Option: {text(finding.knob)}." if finding.knob else ""
    sentence = f"<b>{text(finding.severity.capitalize())}:</b> {text(finding.message.removesuffix('.'))}.{knob}"
    return f'<li class="{text(finding.severity)}">{sentence} <code>{text(finding.code)}</code></li>'


def _provenance(report: Report) -> str:
    rows = tuple((name, cell) for name, cell in report.provenance.items())
    return _framed("provenance", "Provenance", _table(Table("provenance", "Provenance", ("what", "value"), rows)))


def _footer(beside: Sequence[str]) -> str:
    files = f" Beside it: {', '.join(beside)}." if beside else ""
    made = f"Made by scalelaw {__version__}. This page loads nothing from a network.{files}"
    return f'<p class="caption">{text(made)}</p>'
