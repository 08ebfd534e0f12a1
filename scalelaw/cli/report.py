"""`scalelaw report`: a fit, a plan, a comparison, a sweep or a replication as one page that opens anywhere."""

from __future__ import annotations

from inspect import Signature, signature
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli._progress import working
from scalelaw.cli._report_kinds import Kinds
from scalelaw.cli._report_output import formats_of, publish
from scalelaw.cli._report_sweep import check_coordinates, runs_now, watch_runs
from scalelaw.cli.compare import By
from scalelaw.cli.plan import plan as plan_command

if TYPE_CHECKING:
    from reports.sweep_runs import SweepRuns
    from scalelaw.runs import RunTable

OURS = ("out", "formats", "open_", "quiet")
TO_MAKE = ("law", "approach", "interval", "replicates", "level", "seed", "workers")
TO_WRITE = ("sweep", "template", "force")
"""Options of a plan that are not part of its question."""

app = typer.Typer(
    cls=Kinds,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write a report: a fit, a plan, a comparison of laws, a sweep or a replication.\n\n"
    "Where no kind is named, the file says which: a saved fit, a sweep's file or store, or else a run table, on which "
    "laws are compared.\n\nscalelaw report law.json --times 10 -o report.html",
)

Out = Annotated[Path, typer.Option("--out", "-o", help="The page; figures and numbers go beside it.")]
Formats = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Some of html, md, json, tex, csv, svg, png, pdf, with commas between, or all.  "
        "[default: html,json,csv,svg,png]",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
PAGE = Path("report.html")


@app.command("fit")
def fit(
    law: options.Law,
    out: Out = PAGE,
    flops: options.Flops = None,
    times: options.Times = None,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    formats: Formats = None,
    open_: Open = False,
    quiet: options.Quiet = False,
) -> None:
    """A law over its runs: its parameters and their intervals, residuals, optimum and sensitivity; a plan on request.

    scalelaw report fit law.json --times 10 -o report.html --open
    """
    wanted = formats_of(formats, open_, out, law)
    from reports import fit_report
    from scalelaw.cli._plan_options import budget_of
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import plan

    fitted = load_fit(law)
    budget = budget_of(fitted, flops, times)
    with working(quiet) as say:
        say("intervals")
        known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
        say("curves and sensitivity")
        planned = None if budget is None else plan(fitted, budget, draws=known, level=level)
        report = fit_report(fitted, known, planned, level)
    publish(report, out, wanted, open_, quiet)


@app.command("compare")
def compare(
    runs: options.Runs,
    out: Out = PAGE,
    law: options.LawNames = None,
    by: Annotated[By, typer.Option(help="What ranks the laws.")] = By.backtest,
    objective: options.ObjectiveName = "auto",
    horizon: Annotated[float, typer.Option(min=0.01, help="Farthest prediction beyond a cut, in decades.")] = 100.0,
    mapping: options.ColumnMapFile = None,
    params_convention: options.ParamsConvention = None,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    formats: Formats = None,
    open_: Open = False,
    quiet: options.Quiet = False,
) -> None:
    """Laws by how well each, fitted to the smaller runs, predicted the larger: which wins where, and what is open.

    scalelaw report compare runs.csv --law chinchilla --law k_power -o laws.html
    """
    wanted = formats_of(formats, open_, out, *runs)
    from reports import comparison_report
    from scalelaw.comparing import compare as run_compare

    table = _read(runs, mapping, params_convention)
    how: Any = {"by": by.value, "objective": objective, "horizon": horizon, "level": level, "seed": seed}
    with working(quiet) as say:
        say("fitting each law below each cut")
        found = run_compare(table, law or None, **how)
        say("the average of the laws")
        report = comparison_report(found)
    publish(report, out, wanted, open_, quiet)


def plan(**given: Any) -> None:
    """The answer to any question of `scalelaw plan`, what being wrong costs, and how far beyond the runs it lies.

    scalelaw report plan law.json --times 10 -o plan.html --open

    scalelaw report plan law.json --gpus 512xH100 --days 30 --mfu 0.4 -o plan.html
    """
    asked = SimpleNamespace(**{name: given.pop(name) for name in (*OURS, *TO_MAKE, *TO_WRITE)})
    wanted = formats_of(asked.formats, asked.open_, asked.out, asked.law)
    from reports import plan_report
    from scalelaw.cli._plan_options import question
    from scalelaw.cli._sweep_file import write_plan
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import goal_for
    from scalelaw.planning import plan as make_plan

    fitted = load_fit(asked.law)
    words = question(fitted, **given)
    goal_for(fitted.law, **words).check(fitted)  # before anything is resampled
    how = {"replicates": asked.replicates, "seed": asked.seed, "workers": asked.workers}
    with working(asked.quiet) as say:
        say("intervals")
        known = uncertainty(fitted, asked.interval, **how)
        say("curves and sensitivity")
        planned = make_plan(fitted, **words, approaches=asked.approach, draws=known, level=asked.level)
        found = write_plan(planned, asked.template, asked.sweep, asked.force) if asked.sweep else ()
        report = plan_report(planned, known, found, asked.level)
    publish(report, asked.out, wanted, asked.open_, asked.quiet)


def _options_of_plan() -> Signature:
    """The arguments of `scalelaw plan`, with a report's in place of a table's."""
    known = signature(plan_command, eval_str=True).parameters
    kept = [parameter for name, parameter in known.items() if name not in ("saved", "law", "format", "accelerators")]
    law, mine = signature(fit, eval_str=True).parameters["law"], signature(replication, eval_str=True).parameters
    return Signature([law, *kept, *(mine[name] for name in OURS)], return_annotation=None)


def _read(runs: list[Path], mapping: Path | None, params_convention: str | None) -> RunTable:
    from scalelaw.readers import read_runs

    return read_runs(runs, mapping=mapping, params_convention=params_convention)


@app.command("sweep")
def sweep(
    sweep: Annotated[
        Path, typer.Argument(metavar="SWEEP", help="The sweep's TOML file, its folder in the store, or its table.")
    ],
    out: Out = PAGE,
    store: Annotated[Path, typer.Option(help="Where the runs of a TOML file are stored.")] = Path("runs"),
    watch: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Write the page again so often until every run has ended, which of a store are those begun; Ctrl-C "
            "stops it.",
        ),
    ] = None,
    coordinates: Annotated[
        bool,
        typer.Option("--coordinate-check", help="Check its parametrization too, over the sweep's widths; takes torch."),
    ] = False,
    formats: Formats = None,
    open_: Open = False,
    quiet: options.Quiet = False,
) -> None:
    """Runs of a sweep, finished or not: how they stand, learning curves, rates by width, loss by compute, costs.

    scalelaw report sweep ladder.toml --watch 30 --open

    scalelaw report sweep runs/ladder -o ladder.html
    """
    from functools import partial

    wanted = formats_of(formats, open_, out, sweep)
    from reports import sweep_report

    look = partial(runs_now, sweep, store)
    with working(quiet) as say:
        say("reading runs")
        found = look()
        if coordinates:
            say("the coordinate check")
        checked = check_coordinates(sweep, found) if coordinates else None

    def write(found: SweepRuns, refresh_s: int = 0, first: bool = True) -> None:
        publish(sweep_report(found, checked, refresh_s), out, wanted, open_ and first, quiet, named=first)

    if watch is None:
        write(found)
    else:
        watch_runs(look, write, watch)


@app.command("replication")
def replication(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSON: name, source, method, verdict and rows; see the documentation."),
    ],
    out: Out = PAGE,
    formats: Formats = None,
    open_: Open = False,
    quiet: options.Quiet = False,
) -> None:
    """Published numbers beside ours, each with its difference, a verdict and where in the paper it stands.

    scalelaw report replication besiroglu.json -o besiroglu.html
    """
    wanted = formats_of(formats, open_, out, file)
    from reports import replication_report
    from reports.replication_file import read_replication

    publish(replication_report(read_replication(file)), out, wanted, open_, quiet)


_asked = _options_of_plan()
plan.__signature__ = _asked  # type: ignore[attr-defined]
plan.__annotations__ = {name: parameter.annotation for name, parameter in _asked.parameters.items()}
app.command("plan")(plan)
