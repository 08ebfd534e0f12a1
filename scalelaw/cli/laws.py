"""`scalelaw laws`: which laws there are."""

from __future__ import annotations

from typing import Annotated

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output


def laws(
    name: Annotated[str | None, typer.Argument(help="One law, to see its parameters.")] = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """List the laws, or the parameters of one."""
    from scalelaw.laws import LAWS, get_law

    chosen = [get_law(name)] if name else list(LAWS)
    if name:
        rows = [{"parameter": p.name, "unit": p.unit, "meaning": p.meaning} for p in chosen[0].params]
    else:
        rows = [{"law": w.label, "formula": w.formula, "source": w.source} for w in chosen]
    if format is options.Format.json:
        output.write_json({"parameters" if name else "laws": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        if name:
            typer.echo(f"{chosen[0].label}: {chosen[0].formula}\n{chosen[0].source}\n")
        typer.echo(output.aligned([list(row.values()) for row in rows], list(rows[0])))
