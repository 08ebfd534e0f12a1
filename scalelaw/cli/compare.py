"""`scalelaw compare`: which law would have predicted the largest runs best?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading
from scalelaw.cli._progress import working
from scalelaw.cli.backtest import percent

if TYPE_CHECKING:
    from scalelaw.comparing import Comparison


class By(StrEnum):
    """What ranks the laws."""

    backtest = "backtest"
    aicc = "aicc"
    bic = "bic"


def compare(
    runs: options.Runs,
    law: options.LawNames = None,
    by: Annotated[By, typer.Option(help="What ranks the laws.")] = By.backtest,
    objective: options.ObjectiveName = "auto",
    horizon: Annotated[float, typer.Option(min=0.01, help="Farthest prediction beyond a cut, in decades.")] = 100.0,
    loss: reading.Loss = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    mapping: options.ColumnMapFile = None,
    params_convention: options.ParamsConvention = None,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Rank laws by how well each, fitted to the smaller runs, predicts the larger ones.

    scalelaw compare runs.csv --law chinchilla --law k_power
    """
    from scalelaw.comparing import compare as run_compare
    from scalelaw.readers import read_runs

    columns: dict[str, Any] = {"loss": loss, "n_params": n_params, "n_tokens": n_tokens, "flops": flops}
    table = read_runs(runs, mapping=mapping, params_convention=params_convention, **columns)
    how: Any = {"by": by.value, "objective": objective, "horizon": horizon, "level": level, "seed": seed}
    with working(quiet) as say:
        say("fitting each law below each cut")
        result = run_compare(table, law or None, **how)
    rows = _rows(result)
    if format is options.Format.json:
        refused = [{"law": refusal.law, "reason": refusal.reason} for refusal in result.refused]
        output.write_json({"best": result.best.label, "by": result.by, "laws": rows, "refused": refused})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        _write_table(result, rows)


def _rows(result: Comparison) -> list[dict[str, object]]:
    import math

    return [
        {
            "law": candidate.label,
            "parameters": candidate.parameters,
            "error": candidate.backtest.error,
            "coverage": candidate.backtest.coverage,
            "width": _finite(candidate.backtest.width),
            "score": _finite(candidate.backtest.score),
            "aicc": candidate.criteria.aicc if math.isfinite(candidate.criteria.aicc) else None,
            "bic": candidate.criteria.bic,
            "weight": candidate.weight,
        }
        for candidate in result.candidates
    ]


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _write_table(result: Comparison, rows: list[dict[str, object]]) -> None:
    share = f"inside {100 * result.level:g} %"
    header = ["law", "parameters", "backtest error", share, "width", "score", "AICc", "BIC", "weight"]
    cells = []
    for row in rows:
        judged = [percent(row[name]) for name in ("error", "coverage", "width", "score")]
        points = ["-" if row[name] is None else f"{row[name]:.1f}" for name in ("aicc", "bic")]
        cells.append([str(row["law"]), str(row["parameters"]), *judged, *points, f"{row['weight']:.2f}"])
    typer.echo(output.aligned(cells, header))
    backtest = result.candidates[0].backtest
    typer.echo(
        f"\nbest law    {result.best.label}"
        f"\nbacktest    {len(backtest.cuts)} cuts by size, {len(backtest.log_errors)} predictions up to "
        f"{backtest.decades.max():.2g} decades beyond; error, width and score of log loss, less is better"
        f"\nintervals   prediction intervals of the fits below each cut, by {result.method}"
    )
    for refusal in result.refused:
        typer.echo(f"not compared: {refusal.law}: {refusal.reason}")
