"""What is on disk: whole files, the same bytes each time, and JSON that any reader accepts."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

import scalelaw as sl
from reports import Report, write_report
from reports.axes import ticks
from reports.base import Axis, Figure, Quantity, Range, Table, Text
from reports.data import FORMAT, to_data, to_json
from reports.plotly_figure import plotly_figure
from reports.writing import FORMATS, chosen


def test_page_numbers_and_figures_are_written(written: list[Path], report: Report):
    names = [path.relative_to(written[0].parent).as_posix() for path in written]
    figures = [f"law_figures/{f.name}.{form}" for f in report.figures for form in ("svg", "png")]
    assert names == ["law.html", "law.json", "law_runs.csv", *figures]
    assert all(path.stat().st_size for path in written)


def test_nothing_else_is_left_behind(written: list[Path]):
    assert {path for path in written[0].parent.rglob("*") if path.is_file()} == set(written)


def test_another_suffix_is_refused_with_a_better_name(report: Report, tmp_path: Path):
    with pytest.raises(sl.UsageError, match=r"name it report\.html"):
        write_report(report, tmp_path / "report.json")
    assert not list(tmp_path.iterdir())


def test_only_the_formats_asked_for_are_written(report: Report, tmp_path: Path):
    files = write_report(report, tmp_path / "law.md", ["md", "tex"])
    figures = [f"law_figures/{figure.name}.svg" for figure in report.figures]
    assert [path.relative_to(tmp_path).as_posix() for path in files] == ["law.md", "law.tex", *figures]


def test_all_is_every_format_and_an_unknown_one_is_refused():
    assert chosen("all") == FORMATS
    assert chosen("HTML, .md,html") == ("html", "md")
    with pytest.raises(sl.UsageError, match="found format 'docx'"):
        chosen("html,docx")
    with pytest.raises(sl.UsageError, match="found no format"):
        chosen(" ,")


def test_a_section_that_could_not_be_a_file_is_refused():
    for names in (("../escape",), ("",), ("twice", "twice"), ("A",)):
        with pytest.raises(ValueError, match="need distinct names"):
            Report("R", tuple(Table(name, "T", (), ()) for name in names), {})


def test_rows_read_back_as_they_were(written: list[Path], fit: sl.Fit):
    with written[2].open() as stream:
        read = list(csv.DictReader(stream))
    assert [row["run_id"] for row in read] == list(fit.runs.run_id)
    assert [float(row["loss"]) for row in read] == fit.runs.loss.tolist()
    residual = [math.log(float(row["loss"]) / float(row["predicted"])) for row in read]
    assert residual == pytest.approx([float(row["residual_ln"]) for row in read], abs=1e-6)


def test_a_text_that_looks_like_numbers_stays_as_it_was():
    text = "[1,  2,\n 3]"
    (section,) = json.loads(to_json(Report("R", (Text("t", text, (text,)),), {})))["sections"]
    assert section == {"kind": "text", "name": "t", "title": text, "paragraphs": [text]}


def test_a_link_in_the_way_is_replaced_and_not_followed(report: Report, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    (tmp_path / "law.json").symlink_to(elsewhere)
    write_report(report, tmp_path / "law.html")
    assert elsewhere.read_text() == "mine"
    assert not (tmp_path / "law.json").is_symlink()


def test_json_returns_as_it_was_without_nan(written: list[Path], report: Report):
    def refuse(constant: str):
        raise AssertionError(constant)

    read = json.loads(written[1].read_text(encoding="utf-8"), parse_constant=refuse)
    assert read["format"] == FORMAT
    assert read == json.loads(to_json(report))


def test_json_holds_the_numbers_at_full_precision(report: Report, fit: sl.Fit):
    (table,) = (s for s in to_data(report)["sections"] if s["name"] == "parameters")
    assert {row["parameter"]: row["estimate"] for row in table["rows"]} == fit.estimate


def test_what_is_not_finite_becomes_null():
    table = Table("t", "T", ("a", "b"), ((Quantity(math.nan), Range(0.0, math.inf)),))
    (section,) = to_data(Report("R", (table,), {}))["sections"]
    assert section["rows"] == [{"a": None, "b": {"low": 0.0, "high": None}}]


def test_plotly_accepts_every_figure_once_painted(report: Report):
    """plotly's own validation knows every property's name and type; colours are painted by the page's script."""
    graph_objects = pytest.importorskip("plotly.graph_objects")

    def paint(value, key=""):
        if isinstance(value, dict):
            return {k: paint(v, k) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [paint(item) for item in value]
        return "#123456" if key in ("color", "fillcolor") else value

    for figure in report.figures:
        graph_objects.Figure(paint(plotly_figure(figure)))


@pytest.mark.parametrize(
    "axis",
    [
        Axis("C", 1e18, 1e25, log=True, ticks="power"),
        Axis("C", 1.2e18, 9e40, log=True, ticks="power"),
        Axis("N", 2.1e9, 2.9e9, log=True, ticks="count"),
        Axis("N", 3e9, 4e10, log=True, ticks="count"),
        Axis("loss", 1.974, 2.004),
        Axis("residual", -3.0, 5.0),
    ],
)
def test_ticks_are_few_distinct_and_inside(axis: Axis):
    positions, texts = zip(*ticks(axis), strict=True)
    assert 2 <= len(positions) <= 10
    assert all(axis.low <= position <= axis.high for position in positions)
    assert len(set(texts)) == len(texts)


def test_every_layer_of_every_figure_lies_in_view(report: Report):
    """Axes hold the runs; a figure whose data fell outside would look empty."""
    for figure in report.figures:
        assert isinstance(figure, Figure)
        for layer in figure.layers:
            for x, y in zip(getattr(layer, "x", ()), getattr(layer, "y", ()), strict=False):
                if type(layer).__name__ == "Points":
                    assert figure.x.low <= x <= figure.x.high
                    assert figure.y.low <= y <= figure.y.high
