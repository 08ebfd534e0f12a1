"""The report of a fit and, where there is one, of a plan: what was done, how sure it is and what follows."""

from __future__ import annotations

from reports import checklist, provenance
from reports.base import Findings, Report, ReportKind, Section, Text
from reports.cut_figures import cut_figures
from reports.fit_tables import certificate_table, parameter_table, sensitivity_table
from reports.isoflop_figure import isoflop_figure
from reports.loss_figures import law_figure
from reports.near_optimal_figure import near_optimal_figure
from reports.optimum_figures import optimum_figures
from reports.plan_sentences import plan_sentence
from reports.plan_tables import plan_table
from reports.residual_figures import residual_figures
from reports.run_rows import run_rows
from reports.wording import count
from scalelaw.fitting import Fit
from scalelaw.intervals import LEVEL, Uncertainty
from scalelaw.planning import Plan
from scalelaw.results import Finding, Unavailable


def fit_report(fit: Fit, known: Uncertainty, plan: Plan | None = None, level: float = LEVEL) -> Report:
    """Everything a reader needs to trust a fit, or not to.

    Args:
        fit: the law and its runs.
        known: what the intervals are made from.
        plan: a budget's allocation under that fit; without one the report ends at the law.
        level: of the intervals of parameters and curves; a plan has its own.
    """
    tables = (
        plan_table(plan) if plan else None,
        parameter_table(fit, known, level),
        findings(fit, plan),
    )
    figures = (
        law_figure(fit, known, level),
        *cut_figures(fit),
        isoflop_figure(fit),
        *residual_figures(fit),
        *optimum_figures(fit, known, plan, level),
        near_optimal_figure(plan) if plan else None,
    )
    records = (
        certificate_table(fit),
        sensitivity_table(fit),
        provenance.excluded_table(fit.runs.excluded),
        checklist.of_fit_table(fit, known, held_out(plan)),
        provenance.sources_table(fit.runs),
    )
    sections: tuple[Section | None, ...] = (_headline(fit, plan), *tables, *figures, *records)
    made_of = provenance.of_fit(fit, known)
    return Report(_title(fit), tuple(s for s in sections if s is not None), made_of, run_rows(fit))


def _title(fit: Fit) -> str:
    return f"{fit.law.label} fitted to {count(len(fit.runs), 'run')}"


def _headline(fit: Fit, plan: Plan | None) -> Text:
    excluded = len(fit.runs.excluded)
    left_out = f"; {count(excluded, 'run')} left out, listed below" if excluded else ""
    law = f"The law {fit.law.formula} was fitted to {count(len(fit.runs), 'run')}{left_out}. {fit.certificate.outcome}"
    return Text("summary", "Summary", (law, *([plan_sentence(plan)] if plan else [])))


def held_out(plan: Plan | None) -> dict[str, str]:
    """What the checklist says of runs beyond the fitted ones; a plan's discrepancy comes from holding them out."""
    if plan is None or isinstance(plan.extrapolated, Unavailable):
        return {}
    words = "the largest runs were held out in turn: the model discrepancy of the plan is what they show"
    return {"held_out": words}


def findings(fit: Fit, plan: Plan | None = None) -> Findings:
    """The notes of the reader, then what the fit and the plan found; a plan repeats its fit's findings."""
    noted = tuple(
        Finding(note.code, "warning" if note.code.startswith("W_") else "info", note.message) for note in fit.runs.notes
    )
    missed = () if fit.certificate.converged else (Finding("E_NOT_CONVERGED", "error", fit.certificate.outcome),)
    return Findings("findings", "Findings", missed + noted + (plan.findings if plan else fit.findings))


KIND = ReportKind(
    "fit", "A law over its runs: how sure it is, what it leaves unexplained and what follows.", fit_report
)
