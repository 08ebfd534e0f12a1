"""The report of a comparison: which law predicted the largest runs, by how much, and whether that settles anything."""

from __future__ import annotations

from reports import checklist, provenance
from reports.base import Cell, Findings, Report, ReportKind, Section, Text
from reports.comparison_figures import error_figure, parting_figure
from reports.comparison_tables import distance_table, laws_table, prediction_table, rival_table, rivals
from reports.sentences import listed
from reports.wording import count, number
from scalelaw.comparing import Comparison
from scalelaw.results import Finding

_BY = {"backtest": "its backtest", "aicc": "AICc", "bic": "BIC"}


def comparison_report(comparison: Comparison) -> Report:
    """Everything that says which law to use, and how little that may mean."""
    runs = comparison.best.fit.runs
    sections: tuple[Section | None, ...] = (
        Text("summary", "Summary", (_verdict(comparison), _settled(comparison))),
        laws_table(comparison),
        rival_table(comparison),
        distance_table(comparison),
        error_figure(comparison),
        parting_figure(comparison),
        Findings("findings", "Findings", _findings(comparison)),
        prediction_table(comparison),
        provenance.excluded_table(runs),
        checklist.checklist(_answers(comparison)),
        provenance.sources_table(runs),
    )
    title = f"{count(len(comparison.candidates), 'law')} compared on {count(len(runs), 'run')}"
    return Report(title, tuple(s for s in sections if s is not None), _provenance(comparison))


def _verdict(comparison: Comparison) -> str:
    best, backtest = comparison.best, comparison.best.backtest
    predicted = (
        f"{count(len(backtest.cuts), 'cut')} by size it predicted {count(len(backtest.log_errors), 'larger run')}"
    )
    return (
        f"By {_BY[comparison.by]}, the law to use alone is {best.label}, {best.fit.law.formula}: fitted to the smaller "
        f"runs at {predicted} with a root mean square error of {number(100 * backtest.error, 2)}%, up to "
        f"{number(backtest.decades.max(), 2)} decades beyond; {backtest.coverage:.0%} fell inside their "
        f"{comparison.level:.0%} prediction intervals. Of what happens farther out the runs say nothing."
    )


def _settled(comparison: Comparison) -> str:
    """Which rivals the runs rule out, and which they do not."""
    open_, worse, better = (
        [rival.law for rival in rivals(comparison) if rival.verdict == verdict]
        for verdict in ("not settled", "worse", "better")
    )
    if not (open_ or worse or better):
        return "No other law could be compared with it."
    level = f"{comparison.level:.0%}"
    parts = [f"It predicted better than {listed(worse)}, at {level}." if worse else ""]
    if better:
        simplest = "of the laws that no richer one beats with a lower BIC too, that of fewest parameters is chosen"
        why = simplest if comparison.by == "backtest" else f"laws were ranked by {_BY[comparison.by]}"
        parts.append(f"{listed(better)} predicted better, at {level}, and was not chosen: {why}.")
    if open_:
        parts.append(
            f"Against {listed(open_)} the question is not settled: the {level} interval of the difference holds zero, "
            "and the average of the laws, weighed as in the table, is the safer forecast."
        )
    return " ".join(filter(None, parts))


def _findings(comparison: Comparison) -> tuple[Finding, ...]:
    refused = tuple(
        Finding("I_NOT_COMPARED", "info", f"{refusal.law} was not compared: {refusal.reason}")
        for refusal in comparison.refused
    )
    return comparison.best.fit.findings + refused


def _answers(comparison: Comparison) -> dict[str, str]:
    best = comparison.best
    forms = "; ".join(f"{c.label}: {c.fit.law.formula}" for c in comparison.candidates)
    cuts = ", ".join(f"{len(cut.held_out)}" for cut in best.backtest.cuts)
    starts = f"{best.fit.certificate.starts} starts (seed {comparison.seed})"
    return checklist.of_runs(best.fit.runs) | {
        "form": forms,
        "objective": best.fit.objective.label,
        "start": starts,
        "bounds": "by each law",
        "intervals": f"prediction intervals of the fits below each cut, by {comparison.method}",
        "held_out": f"at {count(len(best.backtest.cuts), 'cut')} the {cuts} largest runs were held out and predicted",
    }


def _provenance(comparison: Comparison) -> dict[str, Cell]:
    best = comparison.best
    return {
        "laws": ", ".join(candidate.label for candidate in comparison.candidates),
        "ranked by": comparison.by,
        "objective": best.fit.objective.label,
        "interval method": comparison.method,
        "seed": comparison.seed,
        **provenance.of_runs(best.fit.runs),
        **provenance.versions(),
    }


KIND = ReportKind("compare", "Laws by how well each predicted the largest runs from the smaller.", comparison_report)
