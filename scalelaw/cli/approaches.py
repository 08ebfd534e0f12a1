"""`scalelaw isoflop` and `scalelaw envelope`: approaches 2 and 1 to the best allocation, beside approach 3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.approaches import Allocation, DesignBias
    from scalelaw.fitting import Fit
    from scalelaw.results import Unavailable
    from scalelaw.runs import RunTable

FAR = 100.0
"""How far beyond the largest budget the bias of a design is shown."""


def _column(help: str) -> Any:
    return typer.Option(metavar="COLUMN", help=help, rich_help_panel="Columns")


Column = str | None
Loss = Annotated[Column, _column("The loss.")]
Params = Annotated[Column, _column("Parameters N.")]
Tokens = Annotated[Column, _column("Training tokens D; C/(6N) when absent.")]
Compute = Annotated[Column, _column("Training compute C; 6ND when absent.")]
Group = Annotated[Column, _column("The run that a row, a checkpoint, belongs to.")]
LossUnit = Annotated[str | None, typer.Option(help="nats, bits or bpb.")]
Exclude = Annotated[list[str] | None, typer.Option(help="Leave rows out: 'loss >= largest(5)', 'flops > 1e21'.")]
Law = Annotated[str, typer.Option(help="The law of approach 3, fitted beside it.")]
At = Annotated[
    float | None,
    typer.Option(
        "--at", parser=options.number, metavar="FLOP", help="Where N_opt is shown.  [default: largest budget]"
    ),
]


def isoflop(
    runs: options.Runs,
    budget: Annotated[Column, _column("Each run's budget; without it runs of like compute are gathered.")] = None,
    within: Annotated[float, typer.Option(min=0.0, help="Runs share a budget up to this gap in compute.")] = 0.05,
    loss: Loss = None,
    n_params: Params = None,
    n_tokens: Tokens = None,
    flops: Compute = None,
    loss_unit: LossUnit = None,
    mapping: options.ColumnMapFile = None,
    params_convention: options.ParamsConvention = None,
    exclude: Exclude = None,
    law: Law = "chinchilla",
    at: At = None,
    replicates: options.Replicates = 200,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Fit a parabola to each compute budget; its minima are the compute-optimal sizes (approach 2).

    The bias of this design is shown beside it: what the parabolas would find on noise-free losses of the fitted law.

    scalelaw isoflop runs.csv --budget budget
    """
    from functools import partial

    from scalelaw.approaches import design_bias
    from scalelaw.approaches import isoflop as by_parabolas
    from scalelaw.results import Unavailable

    names = {"loss": loss, "n_params": n_params, "n_tokens": n_tokens, "flops": flops, "loss_unit": loss_unit}
    table = _read(runs, exclude, mapping=mapping, params_convention=params_convention, **names)
    # A column that has been read as the compute is known by that name now.
    approach = partial(
        by_parabolas, budget="flops" if budget and budget == flops else budget, within=within, level=level
    )
    found, cubic = approach(table), approach(table, degree=3)
    fitted = _surface(table, law, found, replicates, level, seed)
    bias: DesignBias | Unavailable = Unavailable("bias of the design", "approach 3 cannot be had")
    if not isinstance(fitted, Unavailable):
        bias = design_bias(fitted[0], table, approach)
    rows = {"2": found, "2, cubic": cubic, "3": fitted if isinstance(fitted, Unavailable) else fitted[1]}
    _write(found, rows, bias, at, level, format)


def envelope(
    runs: options.Runs,
    group: Group = None,
    bins: Annotated[int | None, typer.Option(min=2, help="Log-spaced bins of compute.  [default: 1500]")] = None,
    loss: Loss = None,
    n_params: Params = None,
    n_tokens: Tokens = None,
    flops: Compute = None,
    loss_unit: LossUnit = None,
    mapping: options.ColumnMapFile = None,
    params_convention: options.ParamsConvention = None,
    exclude: Exclude = None,
    law: Law = "chinchilla",
    at: At = None,
    replicates: options.Replicates = 200,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Find which size has the lowest loss at each compute, from training curves or finished runs (approach 1).

    scalelaw envelope checkpoints.csv --group run
    """
    from scalelaw.approaches import envelope as lower_envelope
    from scalelaw.results import Unavailable

    names = {"loss": loss, "n_params": n_params, "n_tokens": n_tokens, "flops": flops, "loss_unit": loss_unit}
    table = _read(runs, exclude, group=group, mapping=mapping, params_convention=params_convention, **names)
    found = lower_envelope(table, bins=bins, replicates=replicates, seed=seed, level=level)
    fitted = _surface(table, law, found, replicates, level, seed)
    rows = {"1": found, "3": fitted if isinstance(fitted, Unavailable) else fitted[1]}
    _write(found, rows, None, at, level, format)


def _read(runs: list[Path], exclude: list[str] | None, **reading: Any) -> RunTable:
    from scalelaw.readers import exclude_expression, read_runs

    table = read_runs(runs, **reading)
    for expression in exclude or []:
        table = exclude_expression(table, expression)
    return table


def _surface(
    table: RunTable, law: str, found: Allocation, replicates: int, level: float, seed: int
) -> tuple[Fit, Allocation] | Unavailable:
    """Approach 3 on the same runs: its fit and allocation, or why there is none."""
    import numpy as np

    from scalelaw.approaches import surface
    from scalelaw.errors import DataError
    from scalelaw.fitting import fit
    from scalelaw.intervals import bootstrap
    from scalelaw.results import Unavailable

    try:
        fitted = fit(law, table, seed=seed)
    except DataError as error:
        return Unavailable("approach 3", error.problem)
    middle = float(np.exp(np.log(table.flops).mean()))
    flops = middle if isinstance(found.n_params, Unavailable) else found.n_params.flops
    return fitted, surface(fitted, flops, bootstrap(fitted, replicates, seed=seed), level)


def _write(
    found: Allocation,
    rows: dict[str, Allocation | Unavailable],
    bias: DesignBias | Unavailable | None,
    at: float | None,
    level: float,
    format: options.Format,
) -> None:
    budgets = found.used or found.budgets
    largest = max(budget.flops for budget in budgets)
    if format is options.Format.json:
        output.write_json(_as_json(found, rows, bias, at or largest))
    elif format is options.Format.csv:
        output.write_csv([budget.as_dict() for budget in found.budgets])
    else:
        _write_budgets(found)
        _write_laws(rows, at or largest, level)
        if bias is not None:
            typer.echo(_bias_sentence(bias, largest))
        output.write_findings(found.findings)


def _as_json(
    found: Allocation, rows: dict[str, Allocation | Unavailable], bias: DesignBias | Unavailable | None, at: float
) -> dict[str, Any]:
    from dataclasses import asdict

    from scalelaw.results import Unavailable

    laws: dict[str, Any] = {}
    for name, row in rows.items():
        if isinstance(row, Unavailable):
            laws[name] = row.as_dict()
        else:
            sides = {"n_params": row.n_params, "n_tokens": row.n_tokens}
            laws[name] = {"approach": row.approach, **{side: law.as_dict() for side, law in sides.items()}}
    answer: dict[str, Any] = {
        "format": "scalelaw/allocation/1",
        "fingerprint": found.runs.fingerprint,
        "params_convention": found.runs.conventions.params,
        "budgets": [budget.as_dict() for budget in found.budgets],
        "approaches": laws,
        "findings": [asdict(finding) for finding in found.findings],
    }
    if isinstance(bias, Unavailable):
        answer["bias"] = bias.as_dict()
    elif bias is not None:
        answer["bias"] = {"exponent": bias.exponent, "flops": at, "n_params_factor": bias.factor(at)}
    return answer


def _write_budgets(found: Allocation) -> None:
    header = ["budget, FLOP", "points", "sizes", "N_opt", "D_opt", "loss", "curvature", "verdict"]
    cells = []
    for b in found.budgets:
        sizes = f"{output.shown(b.n_params_low, 3)} to {output.shown(b.n_params_high, 3)}"
        numbers = [_cell(b.n_params, 3), _cell(b.n_tokens, 3), _cell(b.loss, 5), _cell(b.curvature, 3)]
        cells.append([f"{b.flops:.3g}", str(b.points), sizes, *numbers, b.verdict or "used"])
    typer.echo(output.aligned(cells, header) + "\n")


def _cell(value: float, digits: int) -> str:
    return "-" if value != value else output.shown(value, digits)


def _write_laws(rows: dict[str, Allocation | Unavailable], at: float, level: float) -> None:
    from scalelaw.results import Unavailable

    share = f"{100 * level:g} %"
    header = ["approach", "exponent of N_opt", share, "exponent of D_opt", share, f"N_opt at {at:.3g} FLOP", "made by"]
    cells, reasons = [], []
    for name, row in rows.items():
        if isinstance(row, Unavailable) or isinstance(row.n_params, Unavailable):
            reason = row.reason if isinstance(row, Unavailable) else row.n_params.reason  # type: ignore[union-attr]
            cells.append([name, "-", "-", "-", "-", "-", f"not available: {reason}"])
            continue
        laws = [law for law in (row.n_params, row.n_tokens) if not isinstance(law, Unavailable)]
        shown = [cell for law in laws for cell in (f"{law.exponent:.4f}", output.shown_interval(law.interval, 4)[1])]
        cells.append([name, *shown, output.shown(float(laws[0].at(at)), 3), row.approach])
        reasons.append(f"intervals of {name}: {getattr(laws[0].interval, 'method', '-')}")
    typer.echo("\n".join([output.aligned(cells, header), "", *reasons]))


def _bias_sentence(bias: DesignBias | Unavailable, largest: float) -> str:
    from scalelaw.results import Unavailable

    if isinstance(bias, Unavailable):
        return f"bias of approach 2 at this design: not available: {bias.reason}"
    return (
        f"bias of approach 2 at this design, were approach 3 the truth: exponent {bias.exponent:+.4f}, N_opt "
        f"{bias.factor(largest):.3g}x at {largest:.3g} FLOP and {bias.factor(FAR * largest):.3g}x at {FAR:g} times that"
    )
