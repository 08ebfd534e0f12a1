"""The report of a plan: the answer first, then what being wrong about it costs and how far it lies beyond the runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reports import checklist, provenance
from reports.base import Report, ReportKind, Section, Text
from reports.fit_report import findings, held_out
from reports.fit_tables import parameter_table, sensitivity_table
from reports.loss_figures import law_figure
from reports.near_optimal_figure import near_optimal_figure
from reports.optimum_figures import optimum_figures
from reports.plan_sentences import plan_sentence, question, typeset
from reports.plan_tables import bill_table, cost_table, plan_table, realised_table, road_table, variant_table
from reports.run_rows import run_rows
from reports.wording import number, with_interval, with_unit
from scalelaw.intervals import LEVEL, Uncertainty
from scalelaw.planning import Plan
from scalelaw.planning.base import Answer
from scalelaw.results import Interval

if TYPE_CHECKING:
    from runners.realising import Realised


LEAST_WASTE = 1e-4
"""The share of a spending below which nothing is said to be wasted."""


def plan_report(plan: Plan, known: Uncertainty, realised: Sequence[Realised] = (), level: float = LEVEL) -> Report:
    """What someone who pays for the runs wants to know.

    Args:
        plan: the answer to a question about N and D.
        known: what its intervals are made from.
        realised: the nearest architectures that can be trained, where they were worked out.
        level: of the intervals of parameters and curves; the plan has its own.
    """
    fit = plan.fit
    sections: tuple[Section | None, ...] = (
        Text("summary", "Summary", _summary(plan)),
        plan_table(plan),
        findings(fit, plan),
        near_optimal_figure(plan),
        cost_table(plan),
        bill_table(plan),
        realised_table(realised),
        road_table(plan),
        variant_table(plan),
        *optimum_figures(fit, known, plan, level),
        law_figure(fit, known, level),
        parameter_table(fit, known, level),
        sensitivity_table(fit),
        provenance.excluded_table(fit.runs.excluded),
        checklist.of_fit_table(fit, known, held_out(plan)),
        provenance.sources_table(fit.runs),
    )
    made_of = {"question": plan.goal.sentence, **provenance.of_fit(fit, known)}
    title = f"Plan by {fit.law.label}: {question(plan)}"
    return Report(title, tuple(s for s in sections if s is not None), made_of, run_rows(fit))


def _summary(plan: Plan) -> tuple[str, ...]:
    """The answer, then how little it matters to be off, and what it takes."""
    return tuple(filter(None, (plan_sentence(plan), _flatness(plan), _bill(plan))))


def _flatness(plan: Plan) -> str:
    if not plan.bands:
        return ""
    band = min(plan.bands, key=lambda band: band.excess)
    words = f"Any size within a range of {number(band.factor, 2)}x loses at most {100 * band.excess:g}% in loss"
    half, twice = (_wasted(plan, what) for what in ("half", "twice"))
    if not (half and twice):  # or one cannot spend as much, and wastes none of it
        return f"{words}."
    return f"{words}; half the size wastes {half} of what it takes, twice the size {twice}."


def _wasted(plan: Plan, what: str) -> str:
    for cost in plan.costs:
        if cost.what.startswith(what) and isinstance(cost.wasted, Interval) and cost.wasted.estimate > LEAST_WASTE:
            return f"{number(100 * cost.wasted.estimate, 2)}%"
    return ""


def _bill(plan: Plan) -> str:
    if plan.bill is None:
        return ""
    said = [_said(plan.bill.days, "days"), _said(plan.bill.money, plan.bill.currency)]
    on = f" on {typeset(plan.cluster.sentence)}" if plan.cluster else ""
    return f"It takes {' and '.join(filter(None, said))}{on}." if any(said) else ""


def _said(value: Answer | float, unit: str) -> str:
    """A number of a bill with its unit and interval; empty where it is not known."""
    if isinstance(value, Interval) and value.low < value.high:
        return with_interval(replace(value, unit=unit))
    known = value.estimate if isinstance(value, Interval) else value
    return with_unit(known, unit) if isinstance(known, float) and not math.isnan(known) else ""


KIND = ReportKind("plan", "The answer to a question about N and D, and what being wrong about it costs.", plan_report)
