"""Options of reading that commands share, and the arguments of `read_runs` they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

OPTIONS = (
    *("loss", "n_params", "n_tokens", "flops", "run_id", "group", "weight", "loss_unit", "bytes_per_token"),
    *("params_convention", "flops_convention", "mapping", "about", "given", "curve", "smooth", "join_runs"),
    *("keep_unfinished", "encoding", "decimal", "drop_invalid", "skip_bad_lines"),
)
"""Names under which commands take them."""


def _column(help: str) -> Any:
    return typer.Option(metavar="COLUMN", help=help, rich_help_panel="Columns")


Loss = Annotated[str | None, _column("The loss to fit.")]
Params = Annotated[str | None, _column("Parameters N, or a product of columns and numbers, as may every count.")]
Tokens = Annotated[str | None, _column("Training tokens D, such as 'step*32768'; C/(6N) when absent.")]
Flops = Annotated[str | None, _column("Training compute C; 6ND when absent.")]
RunId = Annotated[str | None, _column("The run's name.")]
Group = Annotated[str | None, _column("Rows resampled together: seeds or checkpoints of one configuration.")]
Weight = Annotated[str | None, _column("Weight of each row in the objective.")]
LossUnit = Annotated[str | None, typer.Option(help="nats, bits or bpb.")]
BytesPerToken = Annotated[float | None, typer.Option(help="Needed for losses in bits per byte.")]
FlopsConvention = Annotated[str | None, typer.Option(help="How C was counted: 6ND, exact or given.")]
About = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A table with a row a run: what the logs do not say, such as N.")
]
Given = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A column with one value: n_params=50M. Repeat.")
]
Curve = Annotated[
    str | None,
    typer.Option(
        help="Points of a logged curve that are rows: last, min, all, or tokens such as 1B,2B.  [default: last of a "
        "tracker's log, all of a table]",
        show_default=False,
    ),
]
Smooth = Annotated[int | None, typer.Option(metavar="K", help="Take the mean loss of the last K points.  [default: 1]")]
JoinRuns = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help="What tells the restarted segments of one run apart by name: '-run-\\d+$'."),
]
KeepUnfinished = Annotated[bool, typer.Option("--keep-unfinished", help="Read runs that failed or still run, too.")]
Encoding = Annotated[str | None, typer.Option(help="Text encoding of the files.  [default: utf-8]")]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark in the files: . or ,  [default: .]")]
DropInvalid = Annotated[bool, typer.Option("--drop-invalid", help="Leave refused rows out and record it.")]
SkipBadLines = Annotated[bool, typer.Option("--skip-bad-lines", help="Leave broken lines of a log out and say so.")]


def arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `read_runs` among a command's options; a flag that is not set leaves the mapping's word."""
    found = {name: options[name] for name in OPTIONS if name in options}
    return {
        **{name: None if value is False else value for name, value in found.items()},
        "given": _pairs(found["given"]),
    }


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    from scalelaw.errors import UsageError

    pairs = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"--set takes NAME=VALUE, such as n_params=50M; found {text!r}.")
        pairs[name.strip()] = value.strip()
    return pairs
