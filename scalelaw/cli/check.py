"""`scalelaw check`: the traps of scaling-law studies in a table of runs, and what a parametrization promises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading

if TYPE_CHECKING:
    from runners.probes.coordinate_check import CoordinateCheck
    from scalelaw.checks import Checked
    from scalelaw.runs import RunTable

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check runs for traps, or a parametrization.")

SHOWN_RUNS = 5
"""Runs a finding names in a table; JSON names them all."""


@app.callback()
def check() -> None:
    """Check runs and their fit for the traps of scaling-law studies, or that a parametrization does what it claims."""


@app.command("runs")
def runs(
    runs: options.Runs,
    law: options.LawName = "chinchilla",
    objective: Annotated[
        str | None, typer.Option(help="An objective; see `scalelaw fit`, whose default is used.")
    ] = None,
    loss: reading.Loss = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    mapping: options.ColumnMapFile = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave rows out, and record it: 'loss >= largest(5)', 'flops > 1e21'.")
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="COLUMN", help="Rows that are not independent.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this check; may be repeated.")] = None,
    claimed: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A constant that someone printed for these runs; repeat for each."),
    ] = None,
    claimed_se: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A standard error that someone printed.")
    ] = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Look for every known trap: found, clear, or why it could not be looked for.

    Exit code 1 if a finding is an error: no law can be fitted, the fit is no optimum, the values are no losses.

    scalelaw check runs runs.csv --claimed alpha=0.34 --claimed-se alpha=0.0005
    """
    from scalelaw.checks import check as check_runs
    from scalelaw.errors import ScalelawError
    from scalelaw.readers import exclude_expression, read_runs

    columns: dict[str, Any] = {"loss": loss, "n_params": n_params, "n_tokens": n_tokens, "flops": flops}
    table = read_runs(runs, mapping=mapping, group=group, **columns)
    for expression in exclude or []:
        table = exclude_expression(table, expression)
    claims = {**_pairs(claimed, "--claimed"), **_pairs(claimed_se, "--claimed-se", "_se")}
    results = check_runs(table, law=law, objective=objective, only=only or (), claimed=claims)
    _write_results(table, law, results, format)
    errors = [finding for result in results for finding in result.findings if finding.severity == "error"]
    if errors:
        raise ScalelawError(f"Findings that are errors: {', '.join(dict.fromkeys(item.code for item in errors))}.")


def _pairs(given: list[str] | None, flag: str, suffix: str = "") -> dict[str, float | str]:
    """`NAME=VALUE` texts by name; the value stays a text, whose digits count."""
    from scalelaw.errors import UsageError

    pairs: dict[str, float | str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{flag} takes NAME=VALUE, such as alpha=0.34; found {text!r}.")
        pairs[name.strip() + suffix] = value
    return pairs


def _write_results(table: RunTable, law: str, results: tuple[Checked, ...], format: options.Format) -> None:
    if format is options.Format.json:
        output.write_json(
            {
                "law": law,
                "n_runs": len(table),
                "fingerprint": table.fingerprint,
                "checks": [r.as_dict() for r in results],
            }
        )
    elif format is options.Format.csv:
        output.write_csv([row for result in results for row in _rows(result)])
    else:
        for result in results:
            _write_result(result)
        counts = [sum(r.verdict == verdict for r in results) for verdict in ("found", "clear", "not looked")]
        typer.echo("\n{} found, {} clear, {} not looked".format(*counts))


def _write_result(result: Checked) -> None:
    numbers = ", ".join(map(str, result.check.numbers))
    reason = f": {result.unavailable.reason}" if result.unavailable else ""
    output.wrapped(f"{numbers:>6}  {result.check.name:<18} {result.verdict}{reason}", " " * 8)
    for finding in result.findings:
        output.wrapped(f"        {finding}", " " * 10)
        if finding.runs:
            more = f" and {len(finding.runs) - SHOWN_RUNS} more" if len(finding.runs) > SHOWN_RUNS else ""
            output.wrapped(f"          runs: {', '.join(finding.runs[:SHOWN_RUNS])}{more}", " " * 12)
        if finding.knob:
            output.wrapped(f"          knob: {finding.knob}", " " * 12)


def _rows(result: Checked) -> list[dict[str, object]]:
    """One row a finding; one with the verdict where there is none."""
    head = {"check": result.check.name, "verdict": result.verdict}
    reason = result.unavailable.reason if result.unavailable else ""
    if not result.findings:
        return [{**head, "code": "", "severity": "", "message": reason, "runs": "", "knob": ""}]
    return [
        {**head, "code": f.code, "severity": f.severity, "message": f.message, "runs": " ".join(f.runs), "knob": f.knob}
        for f in result.findings
    ]


@app.command("mup")
def mup(
    parametrization: Annotated[str, typer.Option(help="mup, completep, ntk, mean_field or standard.")] = "mup",
    widths: Annotated[str | None, typer.Option(metavar="W,W,...", help="[default: 64,128,256,512]")] = None,
    depths: Annotated[str | None, typer.Option(metavar="L,L,...", help="Check these depths, not widths.")] = None,
    model: Annotated[str, typer.Option(help="A model family, such as transformer or mlp.")] = "transformer",
    optimizer: Annotated[str, typer.Option(help="adamw or sgd.")] = "adamw",
    lr: Annotated[float | None, typer.Option(help="Learning rate.  [default: 2^-7, or 2^-4 for sgd]")] = None,
    steps: Annotated[int, typer.Option(min=2, max=10, help="Steps before the change is measured.")] = 3,
    seeds: Annotated[int | None, typer.Option(min=2, help="Seeds.  [default: 4, or 16 for sgd]")] = None,
    tolerance: Annotated[float, typer.Option(min=0.0, help="How far from theory a slope may lie.")] = 0.05,
    theory: Annotated[
        bool, typer.Option("--theory", help="Hold every parametrization's features to its theory instead.")
    ] = False,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Coordinate check: does what a model learns in a few steps keep its pace as the model widens, or deepens?

    Prints the slope of each activation, and of its change, against width on log scales: 0 under muP, growing under the
    standard parametrization. Exit code 1 if a slope is not as theory promises, or cannot be told from these seeds.

    scalelaw check mup --widths 64,128,256,512,1024,2048 --figure mup.svg

    scalelaw check mup --parametrization completep --depths 2,4,8,16,32
    """
    from scalelaw.errors import MissingExtraError, ScalelawError, UsageError

    try:
        from runners.probes.coordinate_check import coordinate_check, small
        from runners.probes.slopes import Verdict
    except ImportError:
        raise MissingExtraError("A coordinate check", "train") from None
    if theory and (widths or depths or figure):
        raise UsageError("--theory has sizes of its own and no figure; found it with --widths, --depths or --figure.")
    if theory:
        _check_theory(format)
        return
    if widths and depths:
        raise UsageError("A coordinate check takes --widths or --depths; found both.")

    values = _whole_numbers(depths, "--depths") if depths else _whole_numbers(widths or "64,128,256,512", "--widths")
    spec = small(model, parametrization, optimizer)
    spec = replace(spec, lr=spec.lr if lr is None else lr, base_width=spec.base_width if depths else min(values))
    checked = coordinate_check(
        spec,
        axis="depth" if depths else "width",
        values=values,
        steps=steps,
        seeds=range(seeds or (4 if optimizer == "adamw" else 16)),
        tolerance=tolerance,
    )
    _write(checked, format)
    if figure:
        from reports.coordinate_figure import coordinate_figures
        from reports.probe_figures import write_panels

        write_panels(coordinate_figures(checked), figure)
        output.note(f"wrote {figure}")
    if checked.verdict is Verdict.undecided:
        raise ScalelawError(f"The seeds scatter more than {tolerance:g}. Next: more --seeds, or larger sizes.")
    if checked.verdict is not Verdict.flat:
        raise ScalelawError(
            f"The {parametrization} parametrization {checked.verdict} with {checked.axis}. "
            f"Next: tune the learning rate at every {checked.axis}, or use a parametrization that stays flat."
        )


def _write(checked: CoordinateCheck, format: options.Format) -> None:
    if format is options.Format.json:
        about = {name: getattr(checked.spec, name) for name in ("parametrization", "model", "optimizer", "lr")}
        measured = {name: getattr(checked, name) for name in ("axis", "values", "steps", "seeds", "tolerance")}
        said = {"slopes": checked.rows(), "verdict": checked.verdict, "sentence": checked.sentence}
        output.write_json(about | measured | said)
    elif format is options.Format.csv:
        output.write_csv(checked.rows())
    else:
        from runners.probes.slopes import worst

        both = zip(checked.start_slopes.items(), checked.change_slopes.values(), strict=True)
        cells = [
            [name, str(start), f"{start.theory:g}", str(change), f"{change.theory:g}", worst([start, change])]
            for (name, start), change in both
        ]
        header = ["", "slope at start", "theory", f"slope of change, {checked.steps} steps", "theory", ""]
        typer.echo(output.aligned(cells, header))
        typer.echo(f"\n{checked.sentence}")


def _check_theory(format: options.Format) -> None:
    """Every case of `runners.probes.feature_learning`."""
    from runners.probes.feature_learning import THEORY, feature_slope
    from scalelaw.errors import ScalelawError

    slopes = {case: feature_slope(case, seeds=range(8)) for case in THEORY}
    rows: list[dict[str, object]] = [
        {
            "parametrization": case.parametrization,
            "hidden_layers": case.layers,
            "rate_falls_like": f"1/m^{case.c:g}".removesuffix("^1") if case.c else "1",
            "theory": slope.theory + 0.0,
            "slope": slope.value,
            "standard_error": slope.standard_error,
            "verdict": "as theory says" if slope.verdict == "flat" else slope.verdict,
        }
        for case, slope in slopes.items()
    ]
    if format is options.Format.json:
        output.write_json({"features": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        cells = [
            [case.parametrization, str(case.layers), str(row["rate_falls_like"]), f"{slope.theory + 0.0:g}", str(slope)]
            for (case, slope), row in zip(slopes.items(), rows, strict=True)
        ]
        typer.echo(output.aligned(cells, ["rules", "layers", "rate ~", "theory", "slope of the features' change"]))
    wrong = [case.parametrization for case, slope in slopes.items() if slope.verdict != "flat"]
    if wrong:
        raise ScalelawError(f"Features do not follow theory under {', '.join(wrong)}.")
    if format is options.Format.table:
        typer.echo("\nEvery parametrization's features change with width as its theory says, to within 0.1.")


def _whole_numbers(text: str, flag: str) -> list[int]:
    from scalelaw.errors import UsageError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{flag} needs whole numbers such as 64,128,256; found {text!r}.") from None
