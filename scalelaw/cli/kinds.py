"""`scalelaw objectives` and `scalelaw intervals`: which kinds there are."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output


def objectives(format: options.OutputFormat = options.Format.table) -> None:
    """List the objectives a fit can minimise.

    scalelaw fit runs.csv --objective log_huber --delta 0.01
    """
    from scalelaw.objectives import OBJECTIVES

    _write("objectives", [{"objective": kind.name, "what it sums": kind.formula} for kind in OBJECTIVES], format)


def intervals(format: options.OutputFormat = options.Format.table) -> None:
    """List the methods that make intervals.

    scalelaw fit runs.csv --interval jackknife
    """
    from scalelaw.intervals import INTERVALS

    _write("intervals", [{"method": kind.name, "how": kind.description} for kind in INTERVALS], format)


def _write(noun: str, rows: Sequence[dict[str, str]], format: options.Format) -> None:
    if format is options.Format.json:
        output.write_json({noun: rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        typer.echo(output.aligned([list(row.values()) for row in rows], list(rows[0])))
