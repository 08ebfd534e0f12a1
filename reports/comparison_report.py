"""The report of a comparison: which law predicted the largest runs, by how much, and whether that settles anything."""

from __future__ import annotations

from reports import checklist, provenance
from reports.base import Cell, Findings, Report, ReportKind, Section, Text
from reports.comparison_figures import error_figure, parting_figure
from reports.comparison_tables import distance_table, laws_table, prediction_table, rival_table, rivals
from reports.wording import count, listed, number, percent
from scalelaw.backtesting import RollingBacktest
from scalelaw.comparing import Comparison
from scalelaw.results import Finding

_BY = {"backtest": "its backtest", "aicc": "AICc", "bic": "BIC"}
_CHOSEN = (
    "a law of more parameters must predict better by more than one standard error of the difference, and have the "
    "lower BIC too"
)


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
        provenance.excluded_table(runs.excluded),
        checklist.checklist(_answers(comparison)),
        provenance.sources_table(runs),
    )
    title = f"{count(len(comparison.candidates), 'law')} compared on {count(len(runs), 'run')}"
    return Report(title, tuple(s for s in sections if s is not None), _provenance(comparison))


def _verdict(comparison: Comparison) -> str:
    best, backtest = comparison.best, comparison.best.backtest
    made = count(len(backtest.log_errors), "prediction")
    return (
        f"By {_BY[comparison.by]}, the law to use alone is {best.label}, {best.fit.law.formula}: fitted to the smaller "
        f"runs at {count(len(backtest.cuts), 'cut')} by size, it made {made} of larger ones, up to "
        f"{number(backtest.decades.max(), 2)} decades beyond, with a root mean square error of "
        f"{number(100 * backtest.error, 2)}%; {_inside(backtest)} held in their {percent(comparison.level)} prediction "
        f"intervals. {_simpler(comparison)}Of what happens farther out the runs say nothing."
    )


def _inside(backtest: RollingBacktest) -> str:
    made = len(backtest.log_errors)
    return f"{round(made * backtest.coverage)} of {made}"


def _simpler(comparison: Comparison) -> str:
    """Why the law to use is not the one of least error, where it is not."""
    best, least = comparison.best, min(comparison.candidates, key=lambda candidate: candidate.backtest.error)
    if least is best or comparison.by != "backtest":
        return ""
    error = number(100 * least.backtest.error, 2)
    return f"{least.label} missed by less, {error}%, and is not chosen: {_CHOSEN}. "


def _settled(comparison: Comparison) -> str:
    """Which rivals the runs rule out, and which they do not."""
    open_, worse, better = (
        [rival.law for rival in rivals(comparison) if rival.verdict == verdict]
        for verdict in ("not settled", "worse", "better")
    )
    if not (open_ or worse or better):
        return "No other law could be compared with it."
    level = percent(comparison.level)
    parts = [f"It predicted better than {listed(worse)}, at {level}." if worse else ""]
    if better:
        why = _CHOSEN if comparison.by == "backtest" else f"laws were ranked by {_BY[comparison.by]}"
        was = "was" if len(better) == 1 else "were"
        parts.append(f"{listed(better)} predicted better, at {level}, and {was} not chosen: {why}.")
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
