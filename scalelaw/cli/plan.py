"""`scalelaw plan`: a budget to model size and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.fitting import Fit
    from scalelaw.planning import Plan


def plan(
    law: options.Law,
    flops: options.Flops = None,
    times: options.Times = None,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Plan a compute budget: parameters, tokens and loss, each with its interval.

    scalelaw plan law.json --flops 1e21
    """
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import plan as make_plan

    fitted = load_fit(law)
    budget = resolve_budget(fitted, flops, times)
    fitted.law.optimum(fitted.natural[None], budget)
    known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
    planned = make_plan(fitted, budget, draws=known, level=level)
    if format is options.Format.json:
        output.write_json(as_json(planned))
    elif format is options.Format.csv:
        output.write_csv([interval.as_dict() for interval in _intervals(planned).values()])
    else:
        _write_table(planned, level)


def resolve_budget(fitted: Fit, flops: float | None, times: float | None) -> float:
    """The budget in FLOP from --flops or --times, exactly one of which must be given."""
    from scalelaw.errors import UsageError

    if (flops is None) == (times is None):
        raise UsageError("Give the budget as --flops FLOP or as --times X (of the largest run's 6 N D), one of them.")
    largest = float((6.0 * fitted.runs.n_params * fitted.runs.n_tokens).max())
    return flops if flops is not None else largest * (times or 0.0)


def _intervals(planned: Plan) -> dict[str, Any]:
    return {
        "parameters N*": planned.n_params,
        "tokens D*": planned.n_tokens,
        "D*/N*": planned.tokens_per_param,
        "loss of the law": planned.loss,
        "loss of a new run": planned.new_run,
        "with model discrepancy": planned.extrapolated,
    }


def as_json(planned: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    from dataclasses import asdict

    names = ("n_params", "n_tokens", "tokens_per_param", "loss", "new_run", "extrapolated")
    return {
        "format": "scalelaw/plan/1",
        "law": planned.fit.law.label,
        "fingerprint": planned.fit.runs.fingerprint,
        "params_convention": planned.fit.runs.conventions.params,
        "flops": planned.flops,
        "flops_convention": "6ND",
        **{name: getattr(planned, name).as_dict() for name in names},
        "bands": [asdict(band) for band in planned.bands],
        "decades_beyond_the_runs": asdict(planned.reach),
        "findings": [asdict(finding) for finding in planned.findings],
    }


def _write_table(planned: Plan, level: float) -> None:
    convention = planned.fit.runs.conventions.params
    typer.echo(f"budget  {planned.flops:.4g} FLOP = 6 N D, N counts: {convention}; {planned.fit.law.label}\n")
    rows = [[name, *output.shown_interval(i, 4), i.unit] for name, i in _intervals(planned).items()]
    typer.echo(output.aligned(rows, ["", "estimate", f"{100 * level:g} % interval", "unit"]))
    typer.echo("")
    for band in planned.bands:
        low, high = output.shown(band.n_params_low, 3), output.shown(band.n_params_high, 3)
        typer.echo(f"within {100 * band.excess:g} % of the best loss: N from {low} to {high} ({band.factor:.2g}x)")
    reach = planned.reach
    typer.echo(f"beyond the runs, in decades: C {reach.flops:+.2f}, N {reach.n_params:+.2f}, D {reach.n_tokens:+.2f}")
    typer.echo(f"intervals  {getattr(planned.n_params, 'method', '-')}")
    if note := getattr(planned.n_params, "note", ""):
        typer.echo(f"measured   {note}")
    output.write_findings(planned.findings)
