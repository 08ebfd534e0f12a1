"""Figures fit a paper: its column, its type size, its fonts; the same bytes each time, and names as they are."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from reports import Report, figures
from reports.base import Axis, Figure, Line, Points
from reports.figures import pdf, png, svg

POINTS_PER_INCH = 72
ROOT = Path(__file__).resolve().parents[2]
NAMES = ("$x_1$", r"\\frac{", "</text><script>alert(1)</script>", "run\u202e100nur", "模型")

CODE = """
import hashlib
from reports.figures import pdf, png, svg
from tests.reports.test_figures import figure
print(*(hashlib.sha256(render(figure("a", "b"))).hexdigest() for render in (svg, pdf, png)))
"""


def figure(*labels: str) -> Figure:
    """A line and a point for each label, the first of which also names an axis."""
    layers = tuple(
        layer
        for i, label in enumerate(labels)
        for layer in (
            Line((1.0, 10.0), (i, i + 1.0), label, f"size{i}"),
            Points((2.0, 5.0), (i, i + 0.5), "", f"size{i}", ("a", "b")),
        )
    )
    return Figure("f", "Title", "", Axis(labels[0], 1.0, 10.0, log=True), Axis("y", 0.0, 8.0), layers, "names")


def test_a_figure_is_the_same_bytes_in_every_process() -> None:
    """Also in one whose hashes differ, and whichever other forms it is drawn in."""
    environment = {"PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, check=True)
    here = [hashlib.sha256(render(figure("a", "b"))).hexdigest() for render in (svg, pdf, png)]
    assert done.stdout.decode().split() == here
    for forms in (("svg", "pdf", "png"), ("png", "pdf", "svg")):
        together = figures.drawn(figure("a", "b"), forms)
        assert [hashlib.sha256(together[form]).hexdigest() for form in ("svg", "pdf", "png")] == here


def test_a_figure_is_as_wide_as_a_column_and_its_legend_adds_to_the_height() -> None:
    few, many = (
        ElementTree.fromstring(svg(figure(*names))) for names in (["a"], [f"a long name, number {i}" for i in range(8)])
    )
    widths = [float(drawn.attrib["width"].removesuffix("pt")) / POINTS_PER_INCH for drawn in (few, many)]
    heights = [float(drawn.attrib["height"].removesuffix("pt")) / POINTS_PER_INCH for drawn in (few, many)]
    assert widths == pytest.approx([figures.WIDTH_INCHES] * 2)
    assert heights[1] - heights[0] == pytest.approx(3 * figures.LINE_INCHES, abs=0.01)


def test_a_pdf_embeds_truetype_and_says_no_time(report: Report) -> None:
    content = pdf(report.figures[0])
    assert b"/FontFile2" in content
    assert not re.search(rb"/Subtype /Type3|/CreationDate|/ModDate", content)


def test_names_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mathematics, no markup, no unseen turn of direction; a letter the font lacks is no failure."""
    monkeypatch.setitem(figures.STYLE, "svg.fonttype", "none")  # letters stay letters, so that they can be read here
    content = svg(figure(*NAMES))
    assert b"<script" not in content
    texts = {element.text for element in ElementTree.fromstring(content).iter() if element.tag.endswith("}text")}
    assert {"$x_1$", r"\\frac{", "</text><script>alert(1)</script>", "run[U+202E]100nur"} <= texts


def test_every_line_of_a_figure_differs_in_more_than_colour() -> None:
    drawn = ElementTree.fromstring(svg(figure("a", "b", "c", "d")))
    styles = [e.attrib.get("style", "") for e in drawn.iter() if "stroke-width: 1.2" in e.attrib.get("style", "")]
    dashes = {re.sub(r"stroke: #\\w+", "", style) for style in styles}
    assert len(dashes) >= 3
