"""A design, or the next runs, on stdout: as plain data and as tables."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.designing import Design, Gain, Layout, Next, NextRun

WIDTH = 80
"""Columns of a sentence."""
LEVELS = 4
"""Alternatives to the next run that a table shows; JSON and CSV hold all."""


def design_as_json(made: Design) -> dict[str, Any]:
    """The design as plain data."""
    verdict = made.verdict
    return {
        "format": "scalelaw/design/1",
        **_about(made),
        "budget_flops": made.budget,
        "cost_flops": made.layout.cost,
        "largest_flops": made.largest,
        "smallest_flops": made.smallest,
        "tokens_per_param": list(made.ratios),
        "alone": made.alone,
        "draws": made.draws,
        "seed": made.seed,
        "scatter_log_loss": made.scatter,
        "distinct_points": made.layout.distinct,
        "runs": layout_rows(made.layout),
        "isoflop_grid": layout_rows(made.reference),
        "targets": [_gain_row(gain) for gain in verdict.gains],
        "expected_excess_loss": {
            "unit": "share of the loss",
            "target_flops": list(made.targets),
            "design": list(verdict.regret),
            "isoflop_grid": list(verdict.grid_regret),
            "now": None if verdict.regret_now is None else list(verdict.regret_now),
        },
        "method": _method(made),
        "findings": [asdict(finding) for finding in made.findings],
    }


def next_as_json(made: Next) -> dict[str, Any]:
    """The next runs as plain data."""
    return {
        "format": "scalelaw/next-runs/1",
        **_about(made),
        "target_flops": list(made.targets),
        "draws": made.draws,
        "runs": [_next_row(run) for run in made.runs],
        "alternatives": [_next_row(run) for run in made.alternatives],
    }


def _about(made: Design | Next) -> dict[str, Any]:
    runs = made.fit.runs
    return {
        "law": made.fit.law.label,
        "fingerprint": runs.fingerprint,
        "params_convention": runs.conventions.params,
        "flops_convention": "6ND",
        "criterion": made.criterion,
    }


def layout_rows(layout: Layout) -> list[dict[str, Any]]:
    """The points of a layout, a row each."""
    columns = zip(layout.n_params, layout.n_tokens, layout.flops, layout.repeats, strict=True)
    return [
        {"n_params": float(n), "n_tokens": float(d), "flops": float(c), "repeats": round(float(times), 6)}
        for n, d, c, times in columns
    ]


def _gain_row(gain: Gain) -> dict[str, Any]:
    return {
        "target": gain.target,
        "flops": gain.flops,
        "standard_error_now": gain.now,
        "standard_error_design": gain.design,
        "standard_error_isoflop": gain.grid,
        "variance_ratio": gain.ratio,
        "variance_ratio_low": gain.low,
        "variance_ratio_high": gain.high,
        "isoflop_compute_for_equal_precision": gain.compute if isfinite(gain.compute) else None,
    }


def _next_row(run: NextRun, kind: str = "") -> dict[str, Any]:
    return {**asdict(run), "gain_per_flop": run.per_flop, **({"kind": kind} if kind else {})}


def next_rows(made: Next) -> list[dict[str, Any]]:
    """The next runs, and the alternatives to the first, a row each."""
    return [
        *(_next_row(run, "next") for run in made.runs),
        *(_next_row(run, "alternative") for run in made.alternatives),
    ]


def write_design(made: Design) -> None:
    """The runs, what they would tell beside the grid, and how that was reckoned."""
    from scalelaw.designing.base import APART

    layout, grid = made.layout, made.reference
    convention = made.fit.runs.conventions.params
    kind = "standing alone" if made.alone else f"after the {len(made.fit.runs)} runs already made"
    typer.echo(
        f"design  {layout.runs:g} runs of {layout.cost:.3g} FLOP = 6 N D together, of a budget of {made.budget:.3g}\n"
        f"        {layout.distinct} distinct points, in N or D a factor {APART:g} from one another\n"
        f"        {made.criterion} criterion, {kind}\n"
        f"        {made.fit.law.label}, N counts {convention}\n"
    )
    rows = [
        [output.shown(n), output.shown(d), _ratio(d / n), f"{c:.3g}", f"{times:g}"]
        for n, d, c, times in zip(layout.n_params, layout.n_tokens, layout.flops, layout.repeats, strict=True)
    ]
    typer.echo(output.aligned(rows, ["N, parameters", "D, tokens", "D/N", "FLOP of one", "runs"]) + "\n")
    typer.echo("standard errors at the targets; how much compute the IsoFLOP grid needs for them")
    header = ["at FLOP", "of", "now", "design", "IsoFLOP", "variance ratio", "IsoFLOP needs"]
    typer.echo(output.aligned([_cells(gain) for gain in made.verdict.gains], header))
    typer.echo("\n" + "\n".join(_sentences(made, grid)))
    output.write_findings(made.findings)


def _cells(gain: Gain) -> list[str]:
    ratio = f"{gain.ratio:.2f} [{gain.low:.2f}, {gain.high:.2f}]"
    now = "-" if gain.now is None else _percent(gain.now)
    errors = [now, _percent(gain.design), _percent(gain.grid)]
    return [f"{gain.flops:.3g}", gain.target, *errors, ratio, _times(gain.compute)]


def _ratio(value: float) -> str:
    return f"{float(f'{value:.3g}'):,g}"


def _times(value: float) -> str:
    return f"{value:.2g}x" if value < 1e4 else "over 10^4 x"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _sentences(made: Design, grid: Layout) -> list[str]:
    verdict = made.verdict
    needs = [gain.compute for gain in verdict.gains]
    saving = f"{_times(min(needs))} to {_times(max(needs))}" if max(needs) != min(needs) else _times(needs[0])
    excess = zip(made.targets, verdict.regret, verdict.grid_regret, strict=True)
    regret = "; ".join(f"{_percent(a)} at {flops:.3g} FLOP (IsoFLOP {_percent(b)})" for flops, a, b in excess)
    times = grid.repeats[0]
    repeated = "" if abs(times - 1) < 0.01 else f", run {times:.3g} times"
    lines = [
        f"saving     for equal precision the IsoFLOP grid would need {saving} the compute",
        f"IsoFLOP    3 budgets to {grid.flops.max():.3g} FLOP x 5 sizes, +-4x of N_opt{repeated}; costs the same",
        f"decision   expected excess loss from a wrong N_opt: {regret}",
        f"method     {_method(made)}",
        "trust      errors of noise alone, were the law true as far out as its runs; a form slightly wrong, which the "
        "runs need not show, can bias a wide design twice as much as the grid: compare laws first, or narrow "
        "--min-ratio and --max-ratio",
    ]
    return [fill(line, WIDTH, subsequent_indent=" " * 11) for line in lines]


def _method(made: Design) -> str:
    return (
        f"first-order errors of ln L and ln N_opt, even noise of {_percent(made.scatter)} a run, averaged over "
        f"{made.draws} draws of the law; [ ]: 90 % of draws; D/N from {made.ratios[0]:g} to {made.ratios[1]:g}, "
        f"6ND from {made.smallest:.3g} to {made.largest:.3g}"
    )


def write_next(made: Next) -> None:
    """The runs, and what could be made instead of the first."""
    at = ", ".join(f"{flops:.3g}" for flops in made.targets)
    typer.echo(
        f"next    {len(made.runs)} run{'s' * (len(made.runs) > 1)}, {made.layout.cost:.3g} FLOP = 6 N D, given "
        f"{len(made.fit.runs)} already made\n"
        f"        {made.criterion} criterion, for the loss and N_opt at {at} FLOP\n"
        f"        {made.fit.law.label}, N counts {made.fit.runs.conventions.params}\n"
    )
    header = ["N, parameters", "D, tokens", "D/N", "FLOP", "loss", "N_opt", "gain", "gain/FLOP"]
    typer.echo(output.aligned([_next_cells(run) for run in made.runs], header))
    rest = [run for run in made.alternatives if abs(run.flops / made.runs[0].flops - 1) > 1e-6]
    step = max(1, len(rest) // LEVELS)
    if rest:
        typer.echo("\ninstead of the first, at another cost")
        typer.echo(output.aligned([_next_cells(run) for run in rest[::step]], header))
    typer.echo(
        "\nloss, N_opt  by what their variances are multiplied, after the next runs above\n"
        f"gain         fall of the criterion, a log variance; mean over {made.draws} draws of the law"
    )
    output.write_findings(made.fit.findings)


def _next_cells(run: NextRun) -> list[str]:
    sizes = [output.shown(run.n_params), output.shown(run.n_tokens), _ratio(run.n_tokens / run.n_params)]
    changes = [f"x {run.loss_variance:.2f}", f"x {run.size_variance:.2f}"]
    return [*sizes, f"{run.flops:.3g}", *changes, f"{run.gain:.3g}", f"{run.per_flop:.2g}"]
