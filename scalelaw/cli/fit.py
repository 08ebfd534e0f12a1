"""`scalelaw fit`: logged runs to a certified law with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading
from scalelaw.cli._fit_output import write_fit
from scalelaw.cli._progress import reading_progress

if TYPE_CHECKING:
    from scalelaw.laws import Law
    from scalelaw.runs import RunTable


def fit(
    runs: options.Runs,
    law: options.LawName = "chinchilla",
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Fix, tie or bound a parameter: E=1.69, beta=alpha, '0.1<alpha<1'."),
    ] = None,
    own: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A parameter of which each value of --by has its own.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column --own goes by, such as dataset.")] = None,
    objective: options.ObjectiveName = "auto",
    delta: Annotated[
        float | None, typer.Option(help="Huber delta of log_huber or huber.  [default: 0.001]", show_default=False)
    ] = None,
    loss: reading.Loss = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    run_id: reading.RunId = None,
    group: reading.Group = None,
    weight: reading.Weight = None,
    loss_unit: reading.LossUnit = None,
    bytes_per_token: reading.BytesPerToken = None,
    params_convention: options.ParamsConvention = None,
    flops_convention: reading.FlopsConvention = None,
    mapping: options.ColumnMapFile = None,
    about: reading.About = None,
    given: reading.Given = None,
    curve: reading.Curve = None,
    smooth: reading.Smooth = None,
    join_runs: reading.JoinRuns = None,
    keep_unfinished: reading.KeepUnfinished = False,
    encoding: reading.Encoding = None,
    decimal: reading.Decimal = None,
    skip_bad_lines: reading.SkipBadLines = False,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave rows out, and record it: 'loss >= largest(5)', 'flops > 1e21'.")
    ] = None,
    drop_invalid: reading.DropInvalid = False,
    weigh: Annotated[
        str | None, typer.Option(help="group: each group counts once; seed_noise: by the noise seeds show.")
    ] = None,
    starts: Annotated[int, typer.Option(min=1, help="Starting points polished.")] = 64,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    save: Annotated[Path | None, typer.Option(help="Write the fit here, for predict, plan and report.")] = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Fit a scaling law to logged runs.

    scalelaw fit runs.csv --loss eval/loss --loss-unit bits --save law.json
    """
    from scalelaw.errors import NotConvergedError
    from scalelaw.fitting import fit as fit_law
    from scalelaw.intervals import uncertainty
    from scalelaw.readers import exclude_expression, read_runs

    arguments = reading.arguments(locals())
    with reading_progress(runs, quiet):
        table = read_runs(runs, **arguments)
    for expression in exclude or []:
        table = exclude_expression(table, expression)
    if weigh:
        from scalelaw.weighting import weigh as weigh_rows

        table = weigh_rows(table, by=weigh)
    _note_table(table, quiet)
    fitted = fit_law(_law(law, hold, own, by, table), table, _objective(objective, delta), starts=starts, seed=seed)
    if not fitted.certificate.converged:
        raise NotConvergedError(fitted.certificate.outcome)
    known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
    if save:
        fitted.save(save)
        output.note(f"saved {save}", quiet)
    write_fit(fitted, known, level, format)


def _law(name: str, hold: list[str] | None, own: list[str] | None, by: str | None, table: RunTable) -> Law:
    from scalelaw.errors import UsageError
    from scalelaw.laws import get_law, share

    law = get_law(f"{get_law(name).label}[{', '.join(hold)}]" if hold else name)
    if bool(own) != bool(by):
        raise UsageError("--own NAME and --by COLUMN go together: which parameter differs, and between what.")
    return share(law, table, by=by, own=own) if own and by else law


def _objective(name: str, delta: float | None) -> Any:
    from dataclasses import replace

    from scalelaw.errors import UsageError
    from scalelaw.objectives import get_objective

    if delta is None:
        return name
    if name == "auto" or not hasattr(get_objective(name), "delta") or get_objective(name).tunes:
        raise UsageError(f"--delta belongs to an objective with a fixed delta, such as log_huber; found {name}.")
    return replace(get_objective(name), delta=delta)  # type: ignore[call-arg]


def _note_table(table: RunTable, quiet: bool) -> None:
    output.note(f"{len(table)} runs in {len(table.groups)} groups; N counts: {table.conventions.params}", quiet)
    for item in table.notes:
        output.note(output.clean(f"note: {item.message} [{item.code}]"), quiet)
    for exclusion in table.excluded:
        place = f" (line {exclusion.line})" if exclusion.line else ""
        output.note(output.clean(f"left out: {exclusion.run_id}{place}: {exclusion.reason}"), quiet)
