"""`scalelaw loss2loss`: one loss predicted from another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading
from scalelaw.cli._progress import working

if TYPE_CHECKING:
    from scalelaw.loss2loss import Pairs, Predictability, Relation
    from scalelaw.results import Interval, Unavailable
    from scalelaw.runs import RunTable

    Answers = list[Interval | Unavailable]


class By(StrEnum):
    """How runs are paired."""

    size = "size"
    compute = "compute"
    interpolated = "interpolated"
    run = "run"


class Link(StrEnum):
    """How an error follows from a loss."""

    exponential = "exponential"
    sigmoid = "sigmoid"


def loss2loss(
    runs: Annotated[
        list[Path], typer.Argument(help="Runs of x, then runs of y; one table where it holds both losses.")
    ],
    x: Annotated[
        str | None, typer.Option("--x", metavar="COLUMN", help="The given loss; the usual one if absent.")
    ] = None,
    y: Annotated[str | None, typer.Option("--y", metavar="COLUMN", help="The loss to predict.")] = None,
    by: Annotated[
        By | None,
        typer.Option(
            help="Pair by equal N and D, equal C, C on the frontiers, or row.  [default: size; run for a table]"
        ),
    ] = None,
    irreducible: Annotated[
        str,
        typer.Option(metavar="surface|free|E_X,E_Y", help="Irreducible losses: each law's, free, or nats per token."),
    ] = "surface",
    law: Annotated[
        str, typer.Option(help="The law of N and D whose E is taken: chinchilla, kaplan, or a formula.")
    ] = "chinchilla",
    objective: options.ObjectiveName = "auto",
    given: Annotated[
        list[float] | None, typer.Option(metavar="L_X", help="Predict L_y at this L_x, nats; repeat.")
    ] = None,
    translate: Annotated[
        Path | None, typer.Option(metavar="FEW", help="A few runs on y that carry x's law over.")
    ] = None,
    error: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="A task's error, a share, told from x's loss.")
    ] = None,
    link: Annotated[Link, typer.Option(help="How that error follows from the loss.")] = Link.exponential,
    at: Annotated[
        str | None, typer.Option(metavar="N,D", help="Where --translate or --error predicts: 1B,20B.")
    ] = None,
    backtest: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Which losses does x's tell? Largest runs held out; repeat."),
    ] = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    mapping: options.ColumnMapFile = None,
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Predict one loss from another: L_y = K (L_x - E_x)^kappa + E_y, each number with its interval.

    scalelaw loss2loss docs/runs.csv python/runs.csv

    scalelaw loss2loss runs.csv --x loss_docs --y loss_python --given 1.2

    scalelaw loss2loss docs/runs.csv --translate few.csv --at 1M,20M
    """
    from functools import partial

    from scalelaw.errors import UsageError
    from scalelaw.readers import read_runs

    columns = {"n_params": n_params, "n_tokens": n_tokens, "flops": flops, "mapping": mapping}
    read: Any = partial(read_runs, **columns)  # type: ignore[arg-type]
    if len(runs) > 2:
        raise UsageError(f"One or two tables are related; found {len(runs)}. Next: loss2loss RUNS_X RUNS_Y.")
    paired = len(runs) == 2 or (y is not None and translate is None)
    if not (paired or translate or error or backtest):
        raise UsageError("One table needs --y, the loss to predict; two tables are runs of x and runs of y.")
    if (at is None) != (translate is None and error is None):
        raise UsageError("--at N,D says where --translate or --error predicts; give both or neither.")
    point = _pair(at, "--at", "1B,20B") if at else None
    how: dict[str, Any] = {"law": law, "seed": seed}
    answers: Answers = []
    notes: list[str] = []
    relation: Relation | None = None
    told: tuple[Predictability, ...] = ()
    with working(quiet) as say:
        table_x = read(runs[0], loss=x)
        if paired:
            say("relating the losses")
            pairs = _pairs(table_x, read(runs[-1], loss=y), by, len(runs))
            relation = _related(pairs, irreducible, answers, notes, given or [], objective, replicates, level, **how)
        if translate and point:
            say("translating the law")
            _translated(table_x, read(translate, loss=y), point, answers, notes, objective, replicates, level, **how)
        if error and point:
            say("fitting both steps")
            _two_steps(table_x, error, link.value, point, answers, notes, replicates, level, **how)
        if backtest:
            from scalelaw.loss2loss import predictable

            say("predicting the largest runs")
            told = predictable(table_x, backtest, **how)
    _write(format, answers, notes, told)
    if figure:
        _draw(relation, figure)


def _pairs(x: RunTable, y: RunTable, by: By | None, files: int) -> Pairs:
    from scalelaw.loss2loss import pair_runs

    return pair_runs(x, y, by.value if by else "size" if files == 2 else "run")


def _related(
    pairs: Pairs,
    irreducible: str,
    answers: Answers,
    notes: list[str],
    given: list[float],
    objective: str,
    replicates: int,
    level: float,
    law: str,
    seed: int,
) -> Relation:
    from scalelaw.errors import UsageError
    from scalelaw.loss2loss import relate, resample
    from scalelaw.loss2loss.relating import NAMES, UNITS
    from scalelaw.results import Unavailable

    how = (
        irreducible
        if irreducible in ("surface", "free")
        else _pair(irreducible, "--irreducible", "surface, free or 1.7,1.9")
    )
    relation = relate(pairs, how, law=law, objective=objective, seed=seed)
    try:
        drawn = resample(relation, replicates, seed=seed)
    except UsageError as few:
        answers += [
            Unavailable(name, f"{relation.value(name):.6g}, without interval: {few}", UNITS[name]) for name in NAMES
        ]
    else:
        answers += [drawn.interval(name, level) for name in NAMES]
        for loss_x in given:
            answers += [drawn.at(loss_x, level), drawn.prediction_at(loss_x, level)]
        notes.append(f"intervals  {drawn.method}")
    notes.insert(0, f"law        L_y = K (L_x - E_x)^kappa + E_y; E_x and E_y: {relation.irreducible}")
    size = 100 * float(abs(relation.residuals).mean())
    notes.insert(
        1, f"pairs      {len(pairs)} by {pairs.by}; R2 {relation.r_squared:.5f}, mean error {size:.2g} % of L_y"
    )
    return relation


def _translated(
    x: RunTable,
    few: RunTable,
    point: tuple[float, float],
    answers: Answers,
    notes: list[str],
    objective: str,
    replicates: int,
    level: float,
    law: str,
    seed: int,
) -> None:
    from scalelaw.loss2loss import extrapolate, translate
    from scalelaw.loss2loss.relating import fit_surface
    from scalelaw.results import Unavailable

    found = translate(fit_surface(x, law, objective, seed=seed), few)
    interval = found.prediction_interval(*point, level=level, replicates=replicates, seed=seed)
    answers.append(interval)
    kappa, K, E_x, E_y = found.values
    notes.append(
        f"translated {found.surface.law.label} of {len(x)} runs through {len(few)} runs on y: "
        f"kappa held at {kappa:.4g}, K {K:.4g}, E_x {E_x:.4g}, E_y {E_y:.4g} nats/token"
    )
    if not isinstance(interval, Unavailable):
        notes.append(f"intervals  {interval.method}")
    direct = extrapolate(few, *point)
    shown = str(direct) if isinstance(direct, Unavailable) else f"{direct[0]:.5g} nats/token by {direct[1]}"
    notes.append(f"those runs alone, extrapolated: {shown}")


def _two_steps(
    runs: RunTable,
    error: str,
    link: str,
    point: tuple[float, float],
    answers: Answers,
    notes: list[str],
    replicates: int,
    level: float,
    law: str,
    seed: int,
) -> None:
    from scalelaw.loss2loss import downstream
    from scalelaw.results import Unavailable

    found = downstream(runs, error, link, law=law, seed=seed)  # type: ignore[arg-type]
    interval = found.interval(*point, level=level, replicates=replicates, seed=seed)
    answers.append(interval)
    values = ", ".join(f"{name} {value:.4g}" for name, value in found.link.estimate.items())
    notes.append(f"error      {found.link.law.label}: {values}")
    if not isinstance(interval, Unavailable):
        notes.append(f"intervals  {interval.method}")


def _write(format: options.Format, answers: Answers, notes: list[str], told: tuple[Predictability, ...]) -> None:
    from dataclasses import asdict

    tested = [{**{k: _finite(v) for k, v in asdict(one).items()}, "verdict": one.verdict} for one in told]
    if format is options.Format.json:
        output.write_json({"estimates": [i.as_dict() for i in answers], "notes": notes, "backtest": tested})
    elif format is options.Format.csv:
        blank = dict.fromkeys(
            ("target", "estimate", "low", "high", "level", "unit", "kind", "method", "note", "reason")
        )
        output.write_csv([{**blank, **i.as_dict()} for i in answers] or tested)
    else:
        if answers:
            rows = [[i.target, *output.shown_interval(i, 6), i.unit, getattr(i, "kind", "")] for i in answers]
            typer.echo(output.aligned(rows, ["quantity", "estimate", "interval", "unit", "kind"]))
            typer.echo("")
        for note in notes:
            output.wrapped(note, " " * 11)
        if tested:
            rows = [
                [row["column"], *(_percent(row[name]) for name in ("error", "direct", "naive")), row["verdict"]]
                for row in tested
            ]
            typer.echo(output.aligned(rows, ["loss", "from x", "from N and D", "unchanged", "verdict"]))
            output.wrapped(
                f"mean relative errors over the {tested[0]['held_out']} runs of most compute, fitted to the others"
            )


def _percent(value: Any) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _pair(text: str, option: str, example: str) -> tuple[float, float]:
    from scalelaw.errors import UsageError

    try:
        first, second = (options.number(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} takes two numbers, such as {example}; found {text!r}.") from None
    return first, second


def _draw(relation: Relation | None, path: Path) -> None:
    from reports import figures
    from reports.loss2loss_figure import loss2loss_figure
    from scalelaw.errors import UsageError

    if relation is None:
        raise UsageError("--figure draws pairs; give two tables, or one with --y.")
    form = path.suffix.lower().lstrip(".")
    path.write_bytes(figures.drawn(loss2loss_figure(relation), (form,))[form])
