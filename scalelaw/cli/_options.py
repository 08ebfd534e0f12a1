"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scalelaw.cli import _completion as completion


class Format(StrEnum):
    """How data is written to stdout."""

    table = "table"
    json = "json"
    csv = "csv"


def number(text: str) -> float:
    """A number as people write it: 70M, 1.4T, 1e21."""
    from scalelaw.numbers import parse_number

    try:
        return parse_number(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"found {text!r}, {error}; expected one such as 0.4, 70M, 1.4T or 1e21") from None


def figure_file(path: Path | None) -> Path | None:
    """A figure that can be drawn, told before anything is measured.

    Raises:
        UsageError: for a file that is neither SVG nor PNG.
        MissingExtraError: where matplotlib is not installed.
    """
    from importlib.util import find_spec

    from scalelaw.errors import MissingExtraError, UsageError

    if path is not None and path.suffix.lower() not in (".svg", ".png"):
        raise UsageError(f"A figure is an .svg or .png file; found {str(path)!r}.")
    if path is not None and find_spec("matplotlib") is None:
        raise MissingExtraError("A figure", "report")
    return path


FigureFile = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", callback=figure_file, help="Draw it too, as .svg or .png."),
]
OutputFormat = Annotated[Format, typer.Option("--format", help="How to write the answer to stdout.")]
IntervalMethod = Annotated[
    str,
    typer.Option(
        "--interval",
        autocompletion=completion.intervals,
        help="How intervals are made: auto, or one of `scalelaw intervals`.",
    ),
]
Runs = Annotated[
    list[Path],
    typer.Argument(
        help="Logged runs: a table, a tracker's files or folder, a run store, or data:NAME; see `scalelaw runs`."
    ),
]
LawName = Annotated[
    str,
    typer.Option(
        autocompletion=completion.laws,
        help="A law of `scalelaw laws`, such as chinchilla or power_constant(n_tokens); a formula, such as "
        "'E + A / N^alpha'; or a TOML file that declares one.",
    ),
]
LawNames = Annotated[
    list[str] | None,
    typer.Option(
        "--law", autocompletion=completion.laws, help="A law to compare; repeat. By default several that suit the runs."
    ),
]
ObjectiveName = Annotated[
    str,
    typer.Option(
        autocompletion=completion.objectives,
        help="auto, or one of `scalelaw objectives`; log_huber is the published mode.",
    ),
]
ColumnMapFile = Annotated[
    Path | None, typer.Option("--map", help="TOML file with the column names, units and how to read.")
]
ParamsConvention = Annotated[str | None, typer.Option(help="What N counts: all, non_embedding or kaplan.")]
Level = Annotated[float, typer.Option(min=0.01, max=0.9999, help="Level of the intervals.")]
Replicates = Annotated[int, typer.Option(min=10, help="Bootstrap replicates.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random; the same seed gives the same numbers.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes; the numbers do not depend on it.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
Law = Annotated[Path, typer.Argument(metavar="LAW", help="A fit saved by: scalelaw fit RUNS --save law.json")]
SavedLaw = Annotated[
    Path | None, typer.Argument(metavar="LAW", help="A fit saved by: scalelaw fit RUNS --save law.json")
]
PublishedLaw = Annotated[
    str | None,
    typer.Option(
        "--law",
        metavar="NAME",
        autocompletion=completion.published,
        help="A published law instead, such as hoffmann-2022; see scalelaw laws list --published.",
    ),
]
Flops = Annotated[
    float | None,
    typer.Option(parser=number, metavar="FLOP", help="Budget C = 6 N D, such as 1e21, N as the runs count it."),
]
Times = Annotated[
    float | None, typer.Option(parser=number, metavar="X", help="Budget as a multiple of the largest run's 6 N D.")
]
