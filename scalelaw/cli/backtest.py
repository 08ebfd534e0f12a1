"""`scalelaw backtest`: how well would this law have predicted the largest runs?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading

if TYPE_CHECKING:
    from scalelaw.backtesting import Backtest, RollingBacktest


NAME = 22
"""Characters of a run's name in a table."""


def backtest(
    runs: options.Runs,
    law: options.LawName = "chinchilla",
    objective: options.ObjectiveName = "auto",
    share: Annotated[float, typer.Option(min=0.01, max=0.9, help="Share of the runs, by compute, held out.")] = 1 / 3,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Several cuts, and errors by distance beyond them.")
    ] = False,
    loss: reading.Loss = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    mapping: options.ColumnMapFile = None,
    params_convention: options.ParamsConvention = None,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Hold out the runs of most compute, fit the others, and predict those held out.

    scalelaw backtest runs.csv --share 0.33
    """
    from scalelaw.backtesting import backtest as run_backtest
    from scalelaw.backtesting import rolling_backtest
    from scalelaw.readers import read_runs

    columns: dict[str, Any] = {"loss": loss, "n_params": n_params, "n_tokens": n_tokens, "flops": flops}
    table = read_runs(runs, mapping=mapping, params_convention=params_convention, **columns)
    if rolling:
        _write_rolling(rolling_backtest(law, table, objective, level=level, seed=seed), format)
        return
    settings: dict[str, Any] = {"method": interval, "replicates": replicates, "seed": seed, "workers": workers}
    result = run_backtest(law, table, objective, share=share, level=level, **settings)
    rows = _rows(result)
    if format is options.Format.json:
        output.write_json({"law": result.fit.law.label, **_totals(result), "runs": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        _write_table(result, rows)


def _rows(result: Backtest) -> list[dict[str, object]]:
    rows = []
    for i, interval in enumerate(result.intervals):
        run, ends = result.held_out.run(i), interval.as_dict()
        rows.append(
            {
                "run_id": run.run_id,
                "n_params": run.n_params,
                "n_tokens": run.n_tokens,
                "loss": run.loss,
                "predicted": float(result.predicted[i]),
                "low": ends.get("low"),
                "high": ends.get("high"),
                "error": float(result.errors[i]),
            }
        )
    return rows


def _totals(result: Backtest) -> dict[str, object]:
    return {
        "fitted_runs": len(result.fit.runs),
        "held_out_runs": len(result.held_out),
        "compute_ratio": result.reach,
        "mean_absolute_error": result.mean_absolute_error,
        "largest_error": result.largest_error,
        "inside_prediction_interval": result.inside,
        "level": result.level,
    }


def _write_table(result: Backtest, rows: list[dict[str, object]]) -> None:
    header = ["held-out run", "N", "D", "loss", "predicted", f"{100 * result.level:g} %, new run", "error"]
    cells = []
    for row, interval in zip(rows, result.intervals, strict=True):
        counts = [output.shown(float(str(row[name])), 3) for name in ("n_params", "n_tokens")]
        losses = [f"{row[name]:.4f}" for name in ("loss", "predicted")]
        ends = output.shown_interval(interval, 4)[1]
        cells.append(
            [output.named(str(row["run_id"]), NAME), *counts, *losses, ends, f"{100 * float(str(row['error'])):+.2f} %"]
        )
    typer.echo(output.aligned(cells, header))
    typer.echo(
        f"\n{result.fit.law.label} fitted to {len(result.fit.runs)} runs, {len(rows)} held out, up to "
        f"{result.reach:.3g}x the compute (6 N D) of the largest fitted"
    )
    typer.echo(
        f"mean error {100 * result.mean_absolute_error:.2f} %, largest {100 * result.largest_error:.2f} %; "
        f"{result.inside} of {len(rows)} inside the {100 * result.level:g} % prediction interval"
    )
    output.write_findings(result.fit.findings)


def _write_rolling(result: RollingBacktest, format: options.Format) -> None:
    rows = [
        {
            "decades": f"{distance.low:g} to {distance.high:g}",
            "predictions": distance.predictions,
            "error": distance.error,
            "coverage": distance.coverage,
            "width": distance.width if math.isfinite(distance.width) else None,
            "score": distance.score if math.isfinite(distance.score) else None,
        }
        for distance in result.by_distance()
    ]
    law, level = result.cuts[0].fit.law.label, result.cuts[0].level
    if format is options.Format.json:
        output.write_json({"law": law, "level": level, "cuts": len(result.cuts), "distances": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        header = ["decades beyond", "predictions", "error of log loss", f"inside {100 * level:g} %", "width", "score"]
        cells = [
            [str(row["decades"]), str(row["predictions"]), *(percent(row[name]) for name in list(row)[2:])]
            for row in rows
        ]
        typer.echo(output.aligned(cells, header))
        typer.echo(f"\n{law} fitted below {len(result.cuts)} cuts by size; width and interval score of log loss")


def percent(value: object) -> str:
    """A share as a cell, `-` where there is none."""
    return "-" if value is None else f"{100 * float(str(value)):.2f} %"
