"""A fit on stdout: estimates with intervals, the certificate, and what changes when a choice is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.fitting import Fit
    from scalelaw.intervals import Uncertainty
    from scalelaw.perturbing import Change

CELLS = 6
"""Beyond so many parameters the panel shows only the optimal size, so that it fits the page."""


def write_fit(fitted: Fit, known: Uncertainty, level: float, format: options.Format) -> None:
    """The fit as a table, JSON or CSV."""
    from scalelaw.perturbing import sensitivity

    intervals = {name: known.interval(name, level) for name in fitted.law.names}
    if format is options.Format.json:
        from dataclasses import asdict

        from scalelaw.fit_file import to_json

        summary = {key: value for key, value in to_json(fitted).items() if key not in ("runs", "theta", "centre")}
        output.write_json(
            {
                **summary,
                "n_runs": len(fitted.runs),
                "intervals": {name: interval.as_dict() for name, interval in intervals.items()},
                "standard_errors": {name: _finite(known.standard_error(name)) for name in fitted.law.names},
                "identified": {name: fitted.identified(name) for name in fitted.law.names},
                "sensitivity": [asdict(change) for change in sensitivity(fitted)],
            }
        )
    elif format is options.Format.csv:
        output.write_csv(
            [{**interval.as_dict(), "identified": fitted.identified(n)} for n, interval in intervals.items()]
        )
    else:
        _write_table(fitted, known, intervals, level, sensitivity(fitted))


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _write_table(
    fitted: Fit, known: Uncertainty, intervals: dict[str, Any], level: float, changes: tuple[Change, ...]
) -> None:
    from scalelaw.results import Unavailable

    rows = []
    for param in fitted.law.params:
        found = intervals[param.name]
        estimate, interval = output.shown_interval(found, 6)
        if isinstance(found, Unavailable):  # the reasons stand below: a sentence in a cell would tear the table apart
            estimate, interval = output.shown(float(fitted.estimate[param.name]), 6), "not available"
        if not fitted.identified(param.name):
            estimate, interval = "not identified", "by these runs"
        rows.append([param.name, estimate, interval, param.unit])
    rows += [[name, output.shown(v, 6), why, ""] for name, (v, why) in fitted.law.held(fitted.natural).items()]
    typer.echo(f"{fitted.law.label}: {fitted.law.formula}")
    typer.echo(f"{fitted.law.source}\n")
    typer.echo(output.aligned(rows, ["parameter", "estimate", f"{100 * level:g} % interval", "unit"]))
    typer.echo(f"\nintervals  {known.method}")
    if known.note:
        typer.echo(f"           {known.note}")
    reasons = {found.reason for found in intervals.values() if isinstance(found, Unavailable)}
    for reason in sorted(reasons):
        output.wrapped(f"           not available: {reason}", " " * 11)
    typer.echo(f"objective  {fitted.certificate.objective:.10g}  {fitted.objective.label}: {fitted.objective.formula}")
    typer.echo(f"outcome    {fitted.certificate.outcome}")
    typer.echo(f"data       {len(fitted.runs)} runs, {len(fitted.runs.excluded)} left out, {fitted.runs.fingerprint}\n")
    _write_panel(fitted, changes)
    output.write_findings(fitted.findings)


def _write_panel(fitted: Fit, changes: tuple[Change, ...]) -> None:
    """What changes when one choice is changed; a parameter that the runs do not identify is left out."""
    names = [name for name in fitted.law.names if fitted.identified(name)]
    names = names if len(names) <= CELLS else []
    planned = any(change.n_params is not None for change in changes)
    header = ["if instead", *names, *(["N* at 10x"] if planned else [])]
    rows = []
    for change in changes:
        cells = [output.shown(change.estimate[name], 5) for name in names]
        size = "-" if change.n_params is None else output.shown(change.n_params, 3)
        rows.append([change.what, *cells, *([size] if planned else [])])
    typer.echo(output.aligned(rows, header) + "\n")
