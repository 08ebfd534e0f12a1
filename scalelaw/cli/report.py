"""`scalelaw report`: a fit, a plan, a comparison, a sweep or a replication as one page that opens anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Signature, signature
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli._commands import Commands
from scalelaw.cli.compare import By
from scalelaw.cli.plan import _write_sweep
from scalelaw.cli.plan import plan as plan_command

if TYPE_CHECKING:
    from reports.base import Report
    from reports.sweep_runs import SweepRuns
    from runners.probes.coordinate_check import CoordinateCheck
    from scalelaw.runs import RunTable

OURS = ("out", "formats", "open_")
TO_MAKE = ("law", "approach", "interval", "replicates", "level", "seed", "workers")
TO_WRITE = ("sweep", "template", "force")
"""Options of a plan that are not part of its question."""
FLAGS = ("--open", "--coordinate-check", "--force")
"""Options that take no value."""


class Kinds(Commands):
    """The kinds of report; where none is named, what the file is says which: `scalelaw report law.json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the kind in front of arguments that name a file alone."""
        if args and args[0] not in self.commands and "--help" not in args:
            named = [arg for before, arg in zip(["", *args], args, strict=False) if _is_argument(before, arg)]
            kinds = [kind for arg in named if (kind := kind_of(Path(arg)))]
            args = [*kinds[:1], *args]
        return super().parse_args(ctx, args)


def _is_argument(before: str, arg: str) -> bool:
    """Whether a word is an argument, neither an option nor an option's value."""
    return not arg.startswith("-") and (not before.startswith("-") or "=" in before or before in FLAGS)


def kind_of(path: Path) -> str:
    """The kind of report that a file asks for; empty where there is no such file.

    A saved fit is reported as such, a sweep's file or store as a sweep, and any other file is a run table: laws are
    compared on it.
    """
    if path.is_dir():
        return "sweep" if any(path.glob("*/spec.json")) else "compare"
    if not path.is_file():
        return ""
    if path.suffix.lower() == ".toml":
        return "sweep"
    with path.open("rb") as file:
        return "fit" if b'"scalelaw/fit' in file.read(4096) else "compare"


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
) -> None:
    """A law over its runs: its parameters and their intervals, residuals, optimum and sensitivity; a plan on request.

    scalelaw report fit law.json --times 10 -o report.html --open
    """
    wanted = _formats(formats, open_, out, law)
    from reports import fit_report
    from scalelaw.cli.plan import resolve_budget
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import plan

    fitted = load_fit(law)
    known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
    planned = None
    if flops is not None or times is not None:
        planned = plan(fitted, resolve_budget(fitted, flops, times), draws=known, level=level)
    _publish(fit_report(fitted, known, planned), out, wanted, open_)


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
) -> None:
    """Laws by how well each, fitted to the smaller runs, predicted the larger: which wins where, and what is open.

    scalelaw report compare runs.csv --law chinchilla --law k_power -o laws.html
    """
    wanted = _formats(formats, open_, out, *runs)
    from reports import comparison_report
    from scalelaw.comparing import compare as run_compare

    table = _read(runs, mapping, params_convention)
    found = run_compare(table, law or None, by=by.value, objective=objective, horizon=horizon, level=level, seed=seed)
    _publish(comparison_report(found), out, wanted, open_)


def plan(**given: Any) -> None:
    """The answer to any question of `scalelaw plan`, what being wrong costs, and how far beyond the runs it lies.

    scalelaw report plan law.json --times 10 -o plan.html --open

    scalelaw report plan law.json --gpus 512xH100 --days 30 --mfu 0.4 -o plan.html
    """
    asked = SimpleNamespace(**{name: given.pop(name) for name in (*OURS, *TO_MAKE, *TO_WRITE)})
    wanted = _formats(asked.formats, asked.open_, asked.out, asked.law)
    from reports import plan_report
    from scalelaw.cli._plan_options import question
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import goal_for
    from scalelaw.planning import plan as make_plan

    fitted = load_fit(asked.law)
    words = question(fitted, **given)
    goal_for(fitted.law, **words).check(fitted)  # before anything is resampled
    how = {"replicates": asked.replicates, "seed": asked.seed, "workers": asked.workers}
    known = uncertainty(fitted, asked.interval, **how)
    planned = make_plan(fitted, **words, approaches=asked.approach, draws=known, level=asked.level)
    found = _write_sweep(planned, asked.template, asked.sweep, asked.force) if asked.sweep else ()
    _publish(plan_report(planned, known, found), asked.out, wanted, asked.open_)


def _options_of_plan() -> Signature:
    """The arguments of `scalelaw plan`, with a report's in place of a table's."""
    known = signature(plan_command, eval_str=True).parameters
    kept = [parameter for name, parameter in known.items() if name not in ("format", "accelerators")]
    mine = signature(replication, eval_str=True).parameters
    return Signature([*kept, *(mine[name] for name in OURS)], return_annotation=None)


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
            min=1, metavar="SECONDS", help="Write the page again so often until every run has ended; Ctrl-C stops it."
        ),
    ] = None,
    coordinates: Annotated[
        bool,
        typer.Option("--coordinate-check", help="Check its parametrization too, over the sweep's widths; takes torch."),
    ] = False,
    formats: Formats = None,
    open_: Open = False,
) -> None:
    """Runs of a sweep, finished or not: how they stand, learning curves, rates by width, loss by compute, costs.

    scalelaw report sweep ladder.toml --watch 30 --open

    scalelaw report sweep runs/ladder -o ladder.html
    """
    from functools import partial

    wanted = _formats(formats, open_, out, sweep)
    from reports import sweep_report

    look = partial(_look, sweep, store)
    checked = _coordinate_check(sweep, look()) if coordinates else None
    if watch is None:
        _publish(sweep_report(look(), checked), out, wanted, open_)
    else:
        _watch(look, checked, out, wanted, open_, watch)


def _look(sweep: Path, store: Path) -> SweepRuns:
    """The runs as they stand now."""
    from reports.sweep_runs import read_sweep

    if sweep.suffix.lower() != ".toml" and kind_of(sweep) == "compare":  # a run table
        from reports.sweep_runs import sweep_of
        from scalelaw.readers import read_runs

        name = sweep.resolve().parent.name if sweep.stem == "runs" else sweep.stem
        return sweep_of(read_runs(sweep), name)
    if sweep.suffix.lower() != ".toml":
        return read_sweep(sweep)
    from scalelaw.cli.sweep import _load

    loaded = _load(sweep)
    return read_sweep(store / loaded.name, loaded.name, {spec.run_id: spec.as_dict() for spec in loaded.specs})


def _watch(
    look: Any, checked: CoordinateCheck | None, out: Path, formats: tuple[str, ...], open_: bool, every: int
) -> None:
    """Write the report over and over; the last page, written when all has ended or on Ctrl-C, stays as it is."""
    import time

    from reports import sweep_report

    said = ""
    try:
        while not (found := look()).settled:
            _publish(sweep_report(found, checked, refresh_s=every), out, formats, open_, quiet=bool(said))
            open_ = False
            standing = f"{sum(run.status == 'finished' for run in found.runs)} of {len(found.runs)} runs are finished"
            if standing != said:
                output.note(standing)
            said = standing
            time.sleep(every)
    except KeyboardInterrupt:
        _publish(sweep_report(look(), checked), out, formats, open_, quiet=bool(said))
        raise
    _publish(sweep_report(found, checked), out, formats, open_, quiet=bool(said))


def _coordinate_check(sweep: Path, found: SweepRuns) -> CoordinateCheck:
    """A coordinate check of the sweep's first run over the sweep's widths."""
    from scalelaw.errors import DataError, MissingExtraError

    try:
        from runners.probes.coordinate_check import coordinate_check
    except ImportError:
        raise MissingExtraError("A coordinate check", "train") from None
    from runners.spec import TrainSpec

    described = [run.spec for run in found.runs if run.spec]
    if not described:
        raise DataError("E_SPEC", "no run says what it is made of", file=sweep, remedy="name the sweep's TOML file")
    spec = TrainSpec(**described[0])
    widths = sorted({int(fields["width"]) for fields in described})
    return coordinate_check(spec, values=widths) if len(widths) > 1 else coordinate_check(spec)


@app.command("replication")
def replication(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSON: name, source, method, verdict and rows; see the documentation."),
    ],
    out: Out = PAGE,
    formats: Formats = None,
    open_: Open = False,
) -> None:
    """Published numbers beside ours, each with its difference, a verdict and where in the paper it stands.

    scalelaw report replication besiroglu.json -o besiroglu.html
    """
    wanted = _formats(formats, open_, out, file)
    from reports import replication_report
    from reports.replication_file import read_replication

    _publish(replication_report(read_replication(file)), out, wanted, open_)


_asked = _options_of_plan()
plan.__signature__ = _asked  # type: ignore[attr-defined]
plan.__annotations__ = {name: parameter.annotation for name, parameter in _asked.parameters.items()}
app.command("plan")(plan)


def _formats(formats: str | None, open_: bool, out: Path, *sources: Path) -> tuple[str, ...]:
    """What to write, told before anything is computed.

    Raises:
        UsageError: for an unknown format, for `--open` without a page, and where a source would be overwritten.
        MissingExtraError: where what draws and writes reports is not installed.
    """
    from importlib.util import find_spec

    from reports.writing import DEFAULT, FIGURES, chosen
    from scalelaw.errors import MissingExtraError, UsageError

    wanted = chosen(formats) if formats else DEFAULT
    if {*FIGURES, "md"} & set(wanted) and find_spec("matplotlib") is None:
        raise MissingExtraError("A report", "report")
    if open_ and "html" not in wanted:
        raise UsageError("--open opens the page, which is not among the --formats. Next: add html.")
    for source in sources:
        if source.resolve() in {out.with_suffix(f".{form}").resolve() for form in wanted}:
            what = "numbers" if source.suffix == ".json" else source.suffix.removeprefix(".")
            noun = "the fit" if kind_of(source) == "fit" else "the file"
            raise UsageError(f"The {what} of {out} would overwrite {noun} {source}. Next: give --out another name.")
    return wanted


def _publish(report: Report, out: Path, formats: Iterable[str], open_: bool, quiet: bool = False) -> None:
    """Write the report, name its files, and open it where asked to."""
    from reports import write_report

    written = write_report(report, out, formats)
    if not quiet:
        for path in written:
            typer.echo(str(path))
    if open_:
        import webbrowser

        page = next(path for path in written if path.suffix == ".html").resolve()
        if not webbrowser.open(page.as_uri()):
            output.note(f"No browser could be opened; the page is {page}")
