"""`scalelaw runs`: what is in logs, what each column was taken for, and what was left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading
from scalelaw.cli._progress import reading_progress


def runs(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Tables, logs, or folders of a tracker; or a run store.")
    ],
    loss: reading.Loss = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    run_id: reading.RunId = None,
    group: reading.Group = None,
    weight: reading.Weight = None,
    loss_unit: reading.LossUnit = None,
    bytes_per_token: reading.BytesPerToken = None,
    params_convention: options.ParamsConvention = None,
    flops_convention: reading.FlopsConvention = None,
    mapping: options.ColumnMapFile = None,
    about: reading.About = None,
    given: reading.Given = None,
    curve: reading.Curve = None,
    smooth: reading.Smooth = None,
    join_runs: reading.JoinRuns = None,
    keep_unfinished: reading.KeepUnfinished = False,
    encoding: reading.Encoding = None,
    decimal: reading.Decimal = None,
    drop_invalid: reading.DropInvalid = False,
    skip_bad_lines: reading.SkipBadLines = False,
    curves: Annotated[bool, typer.Option("--curves", help="Keep all points, and tell of each run's curve.")] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table as CSV, which every command reads.")
    ] = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Show what logs hold: runs, what each column was taken for, what was left out and why.

    scalelaw runs logs/ --n-tokens 'step*32768' --set n_params=50M --save runs.csv
    """
    from scalelaw.cli._runs_output import write_columns, write_survey
    from scalelaw.readers import write_runs
    from scalelaw.readers.surveying import survey_runs

    arguments = reading.arguments(locals())
    if curves:
        arguments["curve"] = _all_points(curve)
    with reading_progress(paths, quiet):
        found = survey_runs(paths, **arguments)
    if found.table is None:
        write_columns(found, format)
        assert found.error is not None
        raise found.error
    if save:
        write_runs(found.table, save)
        output.note(f"saved {save}", quiet)
    write_survey(found, format, curves)


def _all_points(curve: str | None) -> str:
    from scalelaw.errors import UsageError

    if curve not in (None, "all"):
        raise UsageError(f"--curves keeps all points, and --curve {curve} does not; give one of them.")
    return "all"
