"""A replication report puts published numbers beside ours, and hides no difference."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from reports import Replicated, Replication, replication_report
from reports.base import Points
from reports.replication_file import read_replication
from reports.wording import show
from scalelaw.errors import DataError
from tests.replication.published_fits import Published, besiroglu, significant_digits
from tests.reports.examples import replication


def of(published: Published) -> Replication:
    """A published fit as rows of parameters and of the objective."""
    missed = published.missed
    rows = [
        Replicated(
            name,
            published.constants[name],
            published.fit.value(name),
            published.source,
            f"{published.digits[name]} of {significant_digits(text)} digits",
            name not in missed,
        )
        for name, text in published.printed.items()
    ]
    ours = published.fit.certificate.objective
    rows.append(
        Replicated("objective", published.theirs, ours, published.source, published.verdict, published.excess < 1e-6)
    )
    return Replication(
        published.name, published.source, f"Fitted with {published.objective}.", tuple(rows), published.verdict
    )


def test_a_published_fit_is_reported_with_every_constant_beside_ours(development_data: Path):
    headline, _ = besiroglu(development_data)
    report = replication_report(of(headline))
    rows = {row[0]: row for row in report.sections[1].rows}
    assert rows["alpha"][1].value == 0.3478
    assert rows["alpha"][2].value == headline.fit.value("alpha")
    assert rows["alpha"][5] == "yes"
    assert headline.verdict[1:] in report.sections[0].paragraphs[0]
    assert show(rows["alpha"][2]) == f"{headline.fit.value('alpha'):.7g}"  # four digits would hide the difference


def test_differences_are_relative_and_drawn_where_they_are():
    found = replication()
    report = replication_report(found)
    (figure,) = report.figures
    drawn = sorted(
        (x, y) for layer in figure.layers if isinstance(layer, Points) for x, y in zip(layer.x, layer.y, strict=True)
    )
    assert drawn == [(i, pytest.approx(100 * (row.ours / row.published - 1))) for i, row in enumerate(found.rows, 1)]
    assert "2 of 3 published numbers stand" in report.sections[0].paragraphs[0]


def test_a_published_zero_has_a_plain_difference():
    assert Replicated("bias", 0.0, 0.25, "p. 3", "", False).difference == 0.25


def as_data() -> dict:
    found = replication()
    rows = [asdict(row) for row in found.rows]
    texts = {name: getattr(found, name) for name in ("name", "source", "method", "verdict")}
    return {**texts, "rows": rows, "answers": dict(found.answers)}


def test_a_replication_is_read_from_its_file(tmp_path: Path):
    file = tmp_path / "replication.json"
    file.write_text(json.dumps(as_data()))
    assert read_replication(file) == replication()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": [{"quantity": "alpha"}]}, "row 1 has quantity.*'published' is missing"),
        ({"rows": "none"}, "rows must be a list"),
        ({"verdict": 3}, "verdict must be a text"),
        ({"answer": {}}, "'answer' is unknown"),
        ({"answers": {"optimiser": "adamw"}}, "'optimiser' is unknown"),
    ],
)
def test_a_file_that_is_no_replication_is_refused_with_what_is_wrong(change: dict, words: str, tmp_path: Path):
    file = tmp_path / "replication.json"
    file.write_text(json.dumps(as_data() | change))
    with pytest.raises(DataError, match=words) as refused:
        read_replication(file)
    assert refused.value.code == "E_REPLICATION"
    assert "replication.json" in str(refused.value)


@pytest.mark.parametrize(("content", "code"), [("{", "E_JSON"), (None, "E_NOT_FOUND")])
def test_what_cannot_be_read_is_refused(content: str | None, code: str, tmp_path: Path):
    file = tmp_path / "replication.json"
    if content:
        file.write_text(content)
    with pytest.raises(DataError) as refused:
        read_replication(file)
    assert refused.value.code == code
