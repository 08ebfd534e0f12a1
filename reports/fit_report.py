"""The report of a fit and, where there is one, of a plan: what was done, how sure it is and what follows."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version

from reports.base import Cell, Findings, Report, Section, Text
from reports.fit_tables import (
    certificate_table,
    checklist_table,
    excluded_table,
    parameter_table,
    plan_table,
    sensitivity_table,
    sources_table,
)
from reports.loss_figures import law_figure, residual_figure
from reports.near_optimal_figure import near_optimal_figure
from reports.optimum_figures import optimum_figures
from reports.wording import COUNTS, count, number, quantity, with_unit
from scalelaw import __version__
from scalelaw.fitting import Fit
from scalelaw.intervals import Uncertainty
from scalelaw.planning import Plan
from scalelaw.results import Finding, Interval, Unavailable


def fit_report(fit: Fit, known: Uncertainty, plan: Plan | None = None) -> Report:
    """Everything a reader needs to trust a fit, or not to.

    Args:
        fit: the law and its runs.
        known: what the intervals are made from.
        plan: a budget's allocation under that fit; without one the report ends at the law.
    """
    tables = (
        plan_table(plan) if plan else None,
        parameter_table(fit, known),
        _findings(fit, plan),
    )
    figures = (
        law_figure(fit, known),
        residual_figure(fit),
        *optimum_figures(fit, known, plan),
        near_optimal_figure(plan) if plan else None,
    )
    records = (
        certificate_table(fit),
        sensitivity_table(fit),
        excluded_table(fit),
        checklist_table(fit, known, plan),
        sources_table(fit),
    )
    sections: tuple[Section | None, ...] = (_headline(fit, plan), *tables, *figures, *records)
    return Report(_title(fit), tuple(s for s in sections if s is not None), _provenance(fit, known))


def _title(fit: Fit) -> str:
    return f"{fit.law.label} fitted to {count(len(fit.runs), 'run')}"


def _headline(fit: Fit, plan: Plan | None) -> Text:
    excluded = len(fit.runs.excluded)
    left_out = f"; {count(excluded, 'run')} left out, listed below" if excluded else ""
    law = f"The law {fit.law.formula} was fitted to {count(len(fit.runs), 'run')}{left_out}. {fit.certificate.outcome}"
    return Text("summary", "Summary", (law, *([_plan_sentence(plan)] if plan else [])))


def _plan_sentence(plan: Plan) -> str:
    """The plan as a reader would say it, with intervals."""
    budget = f"{number(plan.flops, 3)} FLOP"
    if not (isinstance(plan.n_params, Interval) and isinstance(plan.n_tokens, Interval)):
        return f"For a budget of {budget} these runs do not determine the best size: {_why(plan)}."
    sizes = f"{_with_interval(plan.n_params)} and {_with_interval(plan.n_tokens)}"
    return f"A budget of {budget} is best spent on {sizes}.{_loss_sentence(plan)} {_distance(plan)}"


def _loss_sentence(plan: Plan) -> str:
    if not (isinstance(plan.loss, Interval) and isinstance(plan.new_run, Interval)):
        return ""
    new_run = f"one new run should land in {_ends(plan.new_run)} ({plan.new_run.level:.0%} prediction interval)"
    return f" The law expects a loss of {_with_interval(plan.loss)} there; {new_run}."


def _why(plan: Plan) -> str:
    unavailable = [i for i in (plan.n_params, plan.n_tokens) if isinstance(i, Unavailable)]
    return unavailable[0].reason


def _with_interval(interval: Interval) -> str:
    estimate = with_unit(interval.estimate, interval.unit, _digits(interval))
    return f"{estimate} ({interval.level:.0%} interval {_ends(interval)})"


def _ends(interval: Interval) -> str:
    low, high = (quantity(end, interval.unit, _digits(interval)) for end in (interval.low, interval.high))
    return f"{low} to {high}"


def _digits(interval: Interval) -> int:
    """Losses differ in the third digit, sizes in the first."""
    return 3 if interval.unit in COUNTS else 4


def _distance(plan: Plan) -> str:
    decades = plan.reach.farthest
    if decades <= 0:
        return "That is within the range of the runs."
    return f"That is {decades:.1f} decades (a factor of {number(10**decades, 2)}) beyond the runs."


def _findings(fit: Fit, plan: Plan | None) -> Findings:
    """The notes of the reader, then what the fit and the plan found; a plan repeats its fit's findings."""
    noted = tuple(
        Finding(note.code, "warning" if note.code.startswith("W_") else "info", note.message) for note in fit.runs.notes
    )
    missed = () if fit.certificate.converged else (Finding("E_NOT_CONVERGED", "error", fit.certificate.outcome),)
    return Findings("findings", "Findings", missed + noted + (plan.findings if plan else fit.findings))


def _provenance(fit: Fit, known: Uncertainty) -> Mapping[str, Cell]:
    """What made the report, so that it can be made again."""
    conventions = fit.runs.conventions
    return {
        "law": fit.law.label,
        "formula": fit.law.formula,
        "source of the law": fit.law.source,
        "objective": fit.objective.label,
        "seed of the starts": fit.seed,
        "interval method": known.method,
        "data fingerprint": fit.runs.fingerprint,
        "runs": len(fit.runs),
        "parameter convention": conventions.params,
        "FLOP convention": conventions.flops,
        "unit of the logged losses": conventions.loss_unit,
        "scalelaw": __version__,
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "python": platform.python_version(),
    }
