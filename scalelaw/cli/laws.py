"""`scalelaw laws`: which laws there are, all about one, and published laws beside runs."""

from __future__ import annotations

from textwrap import fill, wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _completion as completion
from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _reading as reading
from scalelaw.cli._commands import Commands
from scalelaw.cli._published import write_against, write_all_published, write_published

if TYPE_CHECKING:
    from scalelaw.laws import Law, Param

WIDTH = 96
"""Columns of the terminal that a table may take."""


class Laws(Commands):
    """A group whose first word may be a law itself: `laws chinchilla` is `laws show chinchilla`, `laws` its list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front of words that name none."""
        if not (args and (args[0] in self.commands or args[0] == "--help")):
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="List the laws, or everything about one; published laws, alone and against your runs.",
    rich_markup_mode=None,
)


@app.command()
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.any_law, help="A law, or a published one, to see all about.  [default: list them]"
        ),
    ] = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Tell everything about one law: formula, source and parameters, or a paper's coefficients.

    scalelaw laws show chinchilla

    scalelaw laws show hoffmann-2022
    """
    from difflib import get_close_matches

    from scalelaw.laws import get_law
    from scalelaw.published import get_published, published_laws

    if name is None:
        list_(format=format)
    elif get_close_matches(name, published_laws(), n=1, cutoff=0.85):  # a name mistyped is no formula
        write_published(get_published(name), format)
    else:
        _one(get_law(name), format)


@app.command("list")
def list_(
    published: Annotated[bool, typer.Option("--published", help="Those with a paper's coefficients instead.")] = False,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """List the laws that can be fitted, or the published ones.

    scalelaw laws list --published
    """
    from scalelaw.laws import LAWS

    if published:
        write_all_published(format)
        return
    rows = [_described(law) for law in LAWS]
    if format is options.Format.json:
        output.write_json({"laws": rows})
    elif format is options.Format.csv:
        output.write_csv([{**row, "inputs": " ".join(row["inputs"])} for row in rows])
    else:
        typer.echo(_listed(rows))
        typer.echo("\nOne law in full: scalelaw laws NAME; another variable: NAME(n_params); your own: a formula.")
        typer.echo("With the coefficients of papers: scalelaw laws list --published.")


@app.command()
def against(
    name: Annotated[str, typer.Argument(autocompletion=completion.published, help="A published law.")],
    runs: options.Runs,
    loss: reading.Loss = None,
    n_params: reading.Params = None,
    n_tokens: reading.Tokens = None,
    flops: reading.Flops = None,
    run_id: reading.RunId = None,
    group: reading.Group = None,
    loss_unit: reading.LossUnit = None,
    bytes_per_token: reading.BytesPerToken = None,
    params_convention: options.ParamsConvention = None,
    mapping: options.ColumnMapFile = None,
    about: reading.About = None,
    given: reading.Given = None,
    curve: reading.Curve = None,
    drop_invalid: reading.DropInvalid = False,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave rows out: 'loss >= largest(5)', 'flops > 1e21'.")
    ] = None,
    level: options.Level = 0.95,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Put runs beside a published law: the offset, the residuals, and whether the two can be compared.

    scalelaw laws against hoffmann-2022 runs.csv
    """
    from scalelaw.cli._progress import reading_progress
    from scalelaw.published import against as compare
    from scalelaw.published import get_published
    from scalelaw.readers import exclude_expression, read_runs

    law, arguments = get_published(name), reading.arguments(locals())
    with reading_progress(runs, quiet):
        table = read_runs(runs, **arguments)
    for expression in exclude or []:
        table = exclude_expression(table, expression)
    write_against(compare(law, table, level), level, format)


def _one(law: Law, format: options.Format) -> None:
    rows = [_parameter(param) for param in law.params]
    if format is options.Format.json:
        output.write_json({**_described(law), "identifiability": law.identifiability, "parameters": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        optimum = "yes" if _has_optimum(law) else "no"
        lines = [
            f"{law.label}: {law.formula}",
            f"source: {law.source}",
            f"reads: {', '.join(law.inputs)}; predicts: {law.response} {law.response_unit}".rstrip(),
            f"compute-optimal allocation: {optimum}",
        ]
        typer.echo("\n".join(fill(line, WIDTH, subsequent_indent="  ", break_long_words=False) for line in lines))
        shown = _shown(law)
        typer.echo("\n" + output.aligned([list(row.values()) for row in shown], list(shown[0])))
        if law.identifiability:
            typer.echo("\n" + fill(law.identifiability, WIDTH))


def _described(law: Law) -> dict[str, Any]:
    return {
        "law": law.label,
        "formula": law.formula,
        "source": law.source,
        "inputs": list(law.inputs),
        "response": law.response,
        "parameters": len(law.params),
        "optimum": _has_optimum(law),
    }


def _has_optimum(law: Law) -> bool:
    """Whether the law trades parameters against tokens at a budget."""
    import numpy as np

    from scalelaw.errors import UsageError

    try:
        with np.errstate(all="ignore"):
            law.optimum(np.ones((1, len(law.params))), 1e20)
    except UsageError:
        return False
    return True


def _parameter(param: Param) -> dict[str, Any]:
    ends = {"low": param.low, "high": param.high}
    known = {end: value if abs(value) != float("inf") else None for end, value in ends.items()}
    return {"parameter": param.name, "unit": param.unit, **known, "meaning": param.meaning}


def _shown(law: Law) -> list[dict[str, str]]:
    rows = [{"parameter": p.name, "range": f"{p.low:g} to {p.high:g}", "unit": p.unit} for p in law.params]
    room = WIDTH - sum(max(len(key), *(len(row[key]) for row in rows)) + 2 for key in rows[0])
    found = []
    for row, param in zip(rows, law.params, strict=True):
        first, *rest = wrap(param.meaning, max(room, 24)) or [""]
        found.append({**row, "meaning": first})
        found += [{**dict.fromkeys(row, ""), "meaning": line} for line in rest]
    return found


def _listed(rows: list[dict[str, Any]]) -> str:
    """Law and formula as two columns, long formulas over several lines."""
    room = WIDTH - max(len(row["law"]) for row in rows) - 2
    table = []
    for row in rows:
        first, *rest = wrap(row["formula"], room, subsequent_indent="  ", break_long_words=False)
        table += [[row["law"], first], *(["", line] for line in rest)]
    return output.aligned(table, ["law", "formula"])
