"""`scalelaw predict`: the loss of runs not yet trained."""

from __future__ import annotations

from typing import Annotated

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _published as published

Quantity = float | None


def predict(
    saved: options.SavedLaw = None,
    law: options.PublishedLaw = None,
    n_params: Annotated[
        Quantity, typer.Option("--n-params", "-N", parser=options.number, metavar="N", help="Parameters.")
    ] = None,
    n_tokens: Annotated[
        Quantity, typer.Option("--n-tokens", "-D", parser=options.number, metavar="D", help="Tokens.")
    ] = None,
    flops: Annotated[
        Quantity, typer.Option("--flops", "-C", parser=options.number, metavar="C", help="Compute, FLOP.")
    ] = None,
    at: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Any other input of the law.")] = None,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Predict a loss: where the law lies, where a new run will land, and where if the law drifts.

    scalelaw predict law.json --n-params 1B --n-tokens 20B

    scalelaw predict --law hoffmann-2022 -N 70B -D 1.4T
    """
    from dataclasses import asdict

    from scalelaw.extrapolating import discrepancy, extrapolation_interval, far_beyond
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import LossAt, uncertainty
    from scalelaw.results import Unavailable

    given = {"n_params": n_params, "n_tokens": n_tokens, "flops": flops, **_named(at or [])}
    inputs = {name: value for name, value in given.items() if value is not None}
    if (name := published.asked(saved, law)) is not None:
        published.write_prediction(name, inputs, format)
        return
    fitted = load_fit(published.required(saved))
    fitted.predict(**inputs)
    known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
    drift = discrepancy(fitted)
    intervals = {
        "confidence": known.interval(LossAt(**inputs), level),
        "prediction": known.prediction_interval(level=level, **inputs),
        "extrapolation": drift
        if isinstance(drift, Unavailable)
        else extrapolation_interval(known, drift, level, **inputs),
    }
    findings = (*fitted.findings, *far_beyond(fitted, **inputs))
    if format is options.Format.json:
        found = {"findings": [asdict(finding) for finding in findings]}
        output.write_json({"inputs": inputs, **{name: item.as_dict() for name, item in intervals.items()}, **found})
    elif format is options.Format.csv:
        output.write_csv([{**inputs, "kind": name, **interval.as_dict()} for name, interval in intervals.items()])
    else:
        names = ("the law (confidence)", "a new run (prediction)", "with model discrepancy")
        unit = fitted.law.response_unit
        rows = [[n, *output.shown_interval(i, 5), unit] for n, i in zip(names, intervals.values(), strict=True)]
        header = [
            ", ".join(f"{k} {v if isinstance(v, str) else output.shown(v)}" for k, v in inputs.items()),
            fitted.law.response,
            f"{100 * level:g} %",
            "unit",
        ]
        typer.echo(output.aligned(rows, header))
        typer.echo(f"\nintervals  {known.method}")
        typer.echo(f"           {drift.reason if isinstance(drift, Unavailable) else drift}")
        if known.note:
            typer.echo(f"measured   {known.note}")
        output.write_findings(findings)


def _named(pairs: list[str]) -> dict[str, float | str]:
    """Inputs by name; what is no number is a name, such as the data set of a law that shares over data sets."""
    values: dict[str, float | str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r}: NAME=VALUE expected", param_hint="--at")
        try:
            values[name.strip()] = options.number(value)
        except ValueError:
            values[name.strip()] = value.strip()
    return values
