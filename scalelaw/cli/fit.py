"""`scalelaw fit`: logged runs to a certified law with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.fitting import Fit
    from scalelaw.intervals import Draws
    from scalelaw.runs import RunTable


def _column(help: str) -> Any:
    return typer.Option(metavar="COLUMN", help=help, rich_help_panel="Columns")


Column = str | None


def fit(
    runs: Annotated[list[Path], typer.Argument(help="CSV, TSV, JSONL or Parquet (also .gz), or a run store.")],
    law: Annotated[
        str, typer.Option(help="A law from `scalelaw laws`, such as chinchilla or power_constant(n_tokens).")
    ] = ("chinchilla"),
    objective: Annotated[str, typer.Option(help="log_huber, log_least_squares, least_squares, least_absolute.")] = (
        "log_huber"
    ),
    delta: Annotated[float | None, typer.Option(help="Huber delta of log_huber.  [default: 0.001]")] = None,
    loss: Annotated[Column, _column("The loss to fit.")] = None,
    n_params: Annotated[Column, _column("Parameters N.")] = None,
    n_tokens: Annotated[Column, _column("Training tokens D; C/(6N) when absent.")] = None,
    flops: Annotated[Column, _column("Training compute C; 6ND when absent.")] = None,
    run_id: Annotated[Column, _column("The run's name.")] = None,
    group: Annotated[Column, _column("Rows resampled together: seeds or checkpoints of one configuration.")] = None,
    weight: Annotated[Column, _column("Weight of each row in the objective.")] = None,
    loss_unit: Annotated[str | None, typer.Option(help="nats, bits or bpb.")] = None,
    bytes_per_token: Annotated[float | None, typer.Option(help="Needed for losses in bits per byte.")] = None,
    params_convention: Annotated[str | None, typer.Option(help="What N counts: all, non_embedding or kaplan.")] = None,
    flops_convention: Annotated[str | None, typer.Option(help="How C was counted: 6ND, exact or given.")] = None,
    encoding: Annotated[str, typer.Option(help="Text encoding of the files.")] = "utf-8",
    decimal: Annotated[str, typer.Option(help="Decimal mark in the files: . or ,")] = ".",
    mapping: Annotated[Path | None, typer.Option("--map", help="TOML file with the column names and units.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave rows out, and record it: 'loss >= largest(5)', 'flops > 1e21'.")
    ] = None,
    drop_invalid: Annotated[bool, typer.Option(help="Leave refused rows out and record it.")] = False,
    starts: Annotated[int, typer.Option(min=1, help="Starting points polished.")] = 64,
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    save: Annotated[Path | None, typer.Option(help="Write the fit here, for predict, plan and report.")] = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Fit a scaling law to logged runs.

    scalelaw fit runs.csv --loss eval/loss --n-params params --loss-unit bits --save law.json
    """
    from scalelaw.errors import NotConvergedError
    from scalelaw.fitting import fit as fit_law
    from scalelaw.intervals import bootstrap
    from scalelaw.readers import exclude_expression, read_runs

    reading: dict[str, Any] = {
        "loss": loss,
        "n_params": n_params,
        "n_tokens": n_tokens,
        "flops": flops,
        "run_id": run_id,
        "group": group,
        "weight": weight,
        "loss_unit": loss_unit,
        "params_convention": params_convention,
        "flops_convention": flops_convention,
        "bytes_per_token": bytes_per_token,
        "encoding": encoding,
        "decimal": decimal,
        "drop_invalid": drop_invalid,
    }
    table = read_runs(runs, mapping=mapping, **reading)
    for expression in exclude or []:
        table = exclude_expression(table, expression)
    _note_table(table, quiet)
    fitted = fit_law(law, table, _objective(objective, delta), starts=starts, seed=seed)
    if not fitted.certificate.converged:
        raise NotConvergedError(fitted.certificate.outcome)
    draws = bootstrap(fitted, replicates, seed=seed, workers=workers)
    if save:
        fitted.save(save)
        output.note(f"saved {save}", quiet)
    _write(fitted, draws, level, format)


def _objective(name: str, delta: float | None) -> Any:
    from dataclasses import replace

    from scalelaw.errors import UsageError
    from scalelaw.objectives import get_objective

    objective = get_objective(name)
    if delta is None:
        return objective
    if not hasattr(objective, "delta"):
        raise UsageError(f"--delta belongs to log_huber; the objective is {name}.")
    return replace(objective, delta=delta)  # type: ignore[call-arg]


def _note_table(table: RunTable, quiet: bool) -> None:
    output.note(f"{len(table)} runs in {len(table.groups)} groups; N counts: {table.conventions.params}", quiet)
    for item in table.notes:
        output.note(output.clean(f"note: {item.message} [{item.code}]"), quiet)
    for exclusion in table.excluded:
        output.note(output.clean(f"left out: {exclusion.run_id} (line {exclusion.line}): {exclusion.reason}"), quiet)


def _write(fitted: Fit, draws: Draws, level: float, format: options.Format) -> None:
    intervals = {name: draws.interval(name, level) for name in fitted.law.names}
    if format is options.Format.json:
        from scalelaw.fit_file import to_json

        summary = {key: value for key, value in to_json(fitted).items() if key not in ("runs", "theta", "centre")}
        known = {name: fitted.identified(name) for name in fitted.law.names}
        output.write_json(
            {
                **summary,
                "n_runs": len(fitted.runs),
                "intervals": {name: interval.as_dict() for name, interval in intervals.items()},
                "standard_errors": {name: draws.standard_error(name) for name in fitted.law.names},
                "identified": known,
            }
        )
    elif format is options.Format.csv:
        output.write_csv(
            [{**interval.as_dict(), "identified": fitted.identified(n)} for n, interval in intervals.items()]
        )
    else:
        _write_table(fitted, draws, intervals, level)


def _write_table(fitted: Fit, draws: Draws, intervals: dict[str, Any], level: float) -> None:
    rows = []
    for param in fitted.law.params:
        estimate, interval = output.shown_interval(intervals[param.name], 6)
        if not fitted.identified(param.name):
            estimate, interval = "not identified", "by these runs"
        rows.append([param.name, estimate, interval, param.unit])
    typer.echo(f"{fitted.law.label}: {fitted.law.formula}")
    typer.echo(f"{fitted.law.source}\n")
    typer.echo(output.aligned(rows, ["parameter", "estimate", f"{100 * level:g} % interval", "unit"]))
    typer.echo(f"\nintervals  {draws.method}")
    typer.echo(f"objective  {fitted.certificate.objective:.10g}  {fitted.objective.label}: {fitted.objective.formula}")
    typer.echo(f"outcome    {fitted.certificate.outcome}")
    typer.echo(f"data       {len(fitted.runs)} runs, {len(fitted.runs.excluded)} left out, {fitted.runs.fingerprint}")
    output.write_findings(fitted.findings)
