"""What every kind of report has."""

from __future__ import annotations

import json

import pytest

from reports import REPORTS, Report
from reports.base import Points, Table
from reports.checklist import NOT_STATED, QUESTIONS, checklist, of_columns
from reports.data import to_json
from reports.figures import svg
from reports.html import to_html

KINDS = ("compare", "fit", "plan", "replication", "sweep")


def test_the_kinds_are_those_of_the_registry_and_each_has_an_example(every_kind: dict[str, Report]):
    assert REPORTS.names() == KINDS
    assert tuple(sorted(every_kind)) == KINDS
    assert all(REPORTS[kind].what.endswith(".") for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_answers_every_question_of_the_checklist(kind: str, every_kind: dict[str, Report]):
    (table,) = (part for part in every_kind[kind].sections if part.name == "checklist")
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == list(QUESTIONS.values())
    assert all(row[1] for row in table.rows)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_begins_with_its_summary_and_says_what_made_it(kind: str, every_kind: dict[str, Report]):
    report = every_kind[kind]
    assert report.sections[0].name == "summary"
    assert {"scalelaw", "numpy", "scipy", "python"} <= set(report.provenance)


@pytest.mark.parametrize("kind", KINDS)
def test_no_column_hides_another_of_its_name(kind: str, every_kind: dict[str, Report]):
    """A table's rows are objects by column name in JSON: a name used twice would lose a column."""
    for table in every_kind[kind].sections:
        if isinstance(table, Table):
            assert len(set(table.columns)) == len(table.columns), table.name
            assert all(len(row) == len(table.columns) for row in table.rows), table.name


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_rendered(kind: str, every_kind: dict[str, Report]):
    report = every_kind[kind]
    page = to_html(report)
    assert all(f'id="plot-{figure.name}"' in page for figure in report.figures)
    assert len(json.loads(to_json(report))["sections"]) == len(report.sections)
    assert all(svg(figure) for figure in report.figures)


@pytest.mark.parametrize("kind", KINDS)
def test_every_point_lies_in_view(kind: str, every_kind: dict[str, Report]):
    for figure in every_kind[kind].figures:
        for layer in figure.layers:
            for x, y in zip(getattr(layer, "x", ()), getattr(layer, "y", ()), strict=False):
                if isinstance(layer, Points):
                    assert figure.x.low <= x <= figure.x.high, figure.name
                    assert figure.y.low <= y <= figure.y.high, figure.name


def test_what_is_not_known_says_so_instead_of_being_left_out():
    answers = dict(checklist({"seeds": "seed 0, 1"}).rows)
    assert answers[QUESTIONS["seeds"]] == "seed 0, 1"
    assert answers[QUESTIONS["optimizer"]] == NOT_STATED


def test_a_column_is_answered_by_its_values_or_by_their_range():
    rates = [2.0**-k for k in range(3, 12)]
    said = of_columns({"peak_lr": rates, "optimizer": ["adamw", "adamw", ""], "schedule": [None, float("nan")]})
    assert said["optimizer"] == "adamw"
    assert said["rate"].startswith("4.883×10⁻⁴ to 0.125 (9 values)")
    assert "not stated" in said["rate"]
    assert "schedule" not in said
