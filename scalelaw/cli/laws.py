"""`scalelaw laws`: which laws there are, and all about one."""

from __future__ import annotations

from textwrap import fill, wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _completion as completion
from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.laws import Law, Param

WIDTH = 96
"""Columns of the terminal that a table may take."""


def laws(
    name: Annotated[
        str | None,
        typer.Argument(autocompletion=completion.laws, help="One law, to see its formula, source and parameters."),
    ] = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """List the laws, or everything about one.

    scalelaw laws chinchilla
    """
    from scalelaw.laws import LAWS, get_law

    if name:
        _one(get_law(name), format)
        return
    rows = [_described(law) for law in LAWS]
    if format is options.Format.json:
        output.write_json({"laws": rows})
    elif format is options.Format.csv:
        output.write_csv([{**row, "inputs": " ".join(row["inputs"])} for row in rows])
    else:
        typer.echo(_listed(rows))
        typer.echo("\nOne law in full: scalelaw laws NAME; another variable: NAME(n_params); your own: a formula.")


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
