"""Markdown says what the report says, shows the figures beside it, and keeps names as text."""

from __future__ import annotations

import re

import pytest

from reports import Report
from reports.base import Findings, Quantity, Range, Table
from reports.markdown import MAX_ROWS, text, to_markdown
from scalelaw.results import Finding
from tests.reports.conftest import HOSTILE
from tests.reports.hostility import assert_markdown_is_harmless

MarkdownIt = pytest.importorskip("markdown_it").MarkdownIt
NAMES = (
    *HOSTILE,
    "a | b\n[x](javascript:alert(1)) `c`",
    "# title",
    "1. item",
    "- item",
    "> said",
    "![i](x.svg)",
    "***",
)
NAMES += (
    "https://evil.example",
    "www.evil.example",
    "me@evil.example",
    "<https://evil.example>",
    "~~gone~~",
    "&lt;b&gt;",
)


def shown(markdown: str) -> str:
    """The text that a reader of the rendered document sees."""
    blocks = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    return "".join(child.content for block in blocks for child in block.children or ())


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    escaped = text(name)
    assert_markdown_is_harmless(escaped)
    if name.isprintable():
        assert shown(escaped) == " ".join(name.split())


def test_every_section_is_there_and_every_figure_is_shown(report: Report) -> None:
    document = to_markdown(report, "law_figures")
    assert re.findall("(?m)^## (.*)", document) == [text(s.title) for s in report.sections] + ["Provenance"]
    assert re.findall(r"\]\((.*)\)", document) == [f"law_figures/{figure.name}.svg" for figure in report.figures]


def test_a_table_has_its_numbers_to_the_right_and_says_what_it_leaves_out() -> None:
    rows = tuple((f"run {i}", Quantity(7e10, "parameters"), Range(0.1, 0.2)) for i in range(MAX_ROWS + 2))
    document = to_markdown(Report("R", (Table("t", "T", ("run", "N", "interval"), rows, "Said."),), {}), "figures")
    assert "| run | N | interval |\n| --- | ---: | ---: |\n| run 0 | 70B | 0.1 to 0.2 |\n" in document
    assert document.count("| 70B |") == MAX_ROWS
    assert "Said.\n\n2 more rows are in the JSON" in document


def test_findings_are_a_list_with_their_codes() -> None:
    found = (Finding("W_ODD", "warning", "Something is odd.", knob="--law"),)
    document = to_markdown(Report("R", (Findings("f", "Findings", found), Findings("g", "None", ())), {}), "figures")
    assert "- **Warning:** Something is odd. Option: --law. (W\\_ODD)" in document
    assert "Nothing to warn of." in document
