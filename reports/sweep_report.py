"""The report of a sweep: how its runs stand, how they learned, what they cost, and which rates serve which widths."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reports import checklist, provenance
from reports.base import Figure, Findings, Report, ReportKind, Section, Text
from reports.sweep_figures import learning_figures, rate_figures, transfers
from reports.sweep_runs import SETTLED, STATUSES, SweepRun, SweepRuns
from reports.sweep_tables import answers, best_table, curve_rows, least, run_table, status_table, transfer_table
from reports.wording import clip, count, number, with_unit
from scalelaw.results import Finding

if TYPE_CHECKING:
    from runners.probes.coordinate_check import CoordinateCheck


def sweep_report(sweep: SweepRuns, check: CoordinateCheck | None = None, refresh_s: int = 0) -> Report:
    """What a sweep has come to so far.

    Args:
        sweep: its runs, finished or not (see `reports.sweep_runs.read_sweep`).
        check: a coordinate check of its models, where one was made.
        refresh_s: seconds after which the page loads itself again; 0 never.
    """
    found = transfers(sweep)
    sections: tuple[Section | None, ...] = (
        Text("summary", "Summary", (*_summary(sweep), *(transfer.sentence for transfer in found))),
        status_table(sweep),
        best_table(sweep),
        *learning_figures(sweep),
        *rate_figures(sweep, found),
        transfer_table(found),
        *(_coordinate_figures(check) if check else ()),
        Findings("findings", "Findings", _findings(sweep)),
        run_table(sweep),
        provenance.excluded_table(sweep.excluded),
        checklist.checklist(answers(sweep)),
    )
    made_of = {"store": str(sweep.path), **sweep.made_by, **provenance.versions()}
    title = f"Sweep {sweep.name}: {count(len(sweep.runs), 'run')}"
    return Report(title, tuple(s for s in sections if s is not None), made_of, curve_rows(sweep), refresh_s)


def _summary(sweep: SweepRuns) -> tuple[str, ...]:
    ended = len(sweep.of(*SETTLED))
    others = [(status, len(sweep.of(status))) for status in STATUSES if status not in ("finished", "waiting")]
    said = "".join(f", {n} {status.replace('_', ' ')}" for status, n in others if n)
    waiting = len(sweep.of("waiting"))
    first = f"{ended} of {len(sweep.runs):,} runs have ended{said}{f', {waiting} waiting' if waiting else ''}."
    best = {corpus: found[0] for corpus, runs in sweep.by_corpus.items() if (found := least(runs))}
    if not best:
        return (f"{first} None has a final loss yet.",)
    losses = "; ".join(_best(run, corpus, len(best) > 1) for corpus, run in best.items())
    spent = sum(run.flops for run in sweep.runs)
    return (
        first,
        f"The least final loss is {losses}. The sweep has spent "
        f"{number(spent, 3)} FLOP over {with_unit(sum(run.tokens for run in sweep.runs), 'tokens')}.",
    )


def _best(run: SweepRun, corpus: str, several: bool) -> str:
    on = f" on {clip(corpus) or 'a corpus that is not stated'}" if several else ""
    return f"{number(run.loss)} {run.unit}{on} ({clip(run.run_id)})"


def _findings(sweep: SweepRuns) -> tuple[Finding, ...]:
    diverged, lacking = sweep.of("diverged"), sweep.of("out_of_memory")
    found = []
    if diverged:
        names = tuple(run.run_id for run in diverged)
        message = f"{count(len(diverged), 'run')} diverged: they count as runs without a loss, in figures and fits"
        found.append(Finding("W_DIVERGED", "warning", message, names, "lr"))
    if lacking:
        names = tuple(run.run_id for run in lacking)
        message = f"{count(len(lacking), 'run')} ran out of memory"
        found.append(Finding("W_OUT_OF_MEMORY", "warning", message, names, "micro_batch"))
    return tuple(found)


def _coordinate_figures(check: CoordinateCheck) -> tuple[Figure, ...]:
    from reports.coordinate_figure import coordinate_figures

    figures = coordinate_figures(check, apart=True)
    return tuple(replace(figure, title=f"Coordinate check, {figure.title}") for figure in figures)


KIND = ReportKind("sweep", "Runs of a sweep: how they stand, how they learned, what they cost.", sweep_report)
