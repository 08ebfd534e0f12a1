"""The report of a replication: published numbers beside ours, row by row, with a verdict for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reports import checklist, provenance
from reports.axes import limits
from reports.base import Axis, Cell, Figure, Mark, Points, Quantity, Report, ReportKind, Section, Table, Text
from reports.loss_figures import floats
from reports.wording import count, number, with_unit

DIGITS = 7
"""Digits of a number beside another that it should equal."""


@dataclass(frozen=True, slots=True)
class Replicated:
    """One published number and ours.

    Attributes:
        quantity, unit: what it is.
        published, ours: the two numbers.
        where: where in the paper it stands: table, figure or equation.
        verdict: what the comparison says, in words.
        agrees: whether the claim behind the number stands.
    """

    quantity: str
    published: float
    ours: float
    where: str
    verdict: str
    agrees: bool
    unit: str = ""

    @property
    def difference(self) -> float:
        """ours / published - 1; the plain difference where the published number is 0."""
        return self.ours / self.published - 1.0 if self.published else self.ours


@dataclass(frozen=True)
class Replication:
    """A paper's numbers found again.

    Attributes:
        name: whose, and of what. source: the paper, with its arXiv number.
        method: what was done, in a sentence.
        rows: the numbers.
        verdict: the whole in a sentence.
        answers: what the reporting checklist asks, as far as it is known (see `reports.checklist.QUESTIONS`).
        made_of: what made it: data, law, seeds.
    """

    name: str
    source: str
    method: str
    rows: tuple[Replicated, ...]
    verdict: str
    answers: Mapping[str, str] = field(default_factory=dict)
    made_of: Mapping[str, Cell] = field(default_factory=dict)


def replication_report(replication: Replication) -> Report:
    """Published against ours, with what was done to get there."""
    sections: tuple[Section | None, ...] = (
        _summary(replication),
        _table(replication),
        _figure(replication),
        checklist.checklist(replication.answers, "not stated"),
    )
    made_of = {"source": replication.source, **replication.made_of, **provenance.versions()}
    return Report(f"Replication: {replication.name}", tuple(s for s in sections if s is not None), made_of)


def _summary(replication: Replication) -> Text:
    agree = sum(row.agrees for row in replication.rows)
    counted = f"{agree} of {count(len(replication.rows), 'published number')} stand"
    verdict = replication.verdict.rstrip(".")
    return Text("summary", "Summary", (f"{verdict[:1].upper()}{verdict[1:]}. {counted}.", replication.method))


def _table(replication: Replication) -> Table:
    columns = ("quantity", "published", "ours", "difference, %", "unit", "stands", "verdict", "where")
    rows = tuple(
        (
            *(row.quantity, Quantity(row.published, row.unit, DIGITS), Quantity(row.ours, row.unit, DIGITS)),
            *(Quantity(100.0 * row.difference), row.unit, "yes" if row.agrees else "no", row.verdict, row.where),
        )
        for row in replication.rows
    )
    return Table("replication", "Published against ours", columns, rows, f"Published in {replication.source}.")


def _figure(replication: Replication) -> Figure | None:
    """Each number's difference; None where there is none to draw."""
    rows = replication.rows
    if not rows:
        return None
    layers: list[Points] = []
    for label, colour, agrees in (("stands", "accent", True), ("does not stand", "plan", False)):
        found = [(i + 1.0, 100.0 * row.difference, row) for i, row in enumerate(rows) if row.agrees is agrees]
        if not found:
            continue
        x, y, named = zip(*found, strict=True)
        layers.append(Points(floats(x), floats(y), label, colour, tuple(map(_hover, named))))
    listing = ", ".join(f"{i} {row.quantity}" for i, row in enumerate(rows, 1))
    places = tuple(i + 1.0 for i in range(len(rows)))
    return Figure(
        "differences",
        "How far ours is from the published number",
        f"ours/published - 1 of every row of the table: {listing}.",
        Axis("row of the table", *limits([0.5, len(rows) + 0.5]), at=places),
        Axis("difference", *limits([0.0, *(100.0 * row.difference for row in rows)]), unit="%"),
        (Mark(0.0, "", "muted", "y"), *layers),
    )


def _hover(row: Replicated) -> str:
    return (
        f"{row.quantity}\npublished {with_unit(row.published, row.unit, 6)}\nours {number(row.ours, 6)}\n{row.verdict}"
    )


KIND = ReportKind("replication", "Published numbers beside ours.", replication_report)
