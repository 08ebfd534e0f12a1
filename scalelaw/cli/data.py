"""`scalelaw data`: published run tables by name, where they lie and how they are had, and the project's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _completion as completion
from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.datasets import Dataset

app = typer.Typer(
    help="List, fetch and explain data sets: published run tables by name, and the project's own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(autocompletion=completion.data_sets, help="A name of `scalelaw data list`.")]


@app.command("list")
def list_(format: options.OutputFormat = options.Format.table) -> None:
    """List the data sets, with what is on this machine.

    Every command that reads runs takes one as data:NAME.

    scalelaw fit data:epoch-chinchilla
    """
    from scalelaw.datasets import datasets

    found = list(datasets().values())
    rows: list[dict[str, Any]] = [
        {"name": item.name, "here": _here(item), "bytes": item.size, "holds": item.title} for item in found
    ]
    if format is options.Format.json:
        output.write_json(
            {"data_sets": [{**row, "runs": item.reads_as_runs} for row, item in zip(rows, found, strict=True)]}
        )
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        cells = [[row["name"], row["here"], _bytes(row["bytes"]), row["holds"]] for row in rows]
        typer.echo(output.aligned(cells, ["name", "here", "size", "holds"]))
        typer.echo("\nAs runs: scalelaw fit data:NAME. Where it comes from: scalelaw data info NAME.")


@app.command()
def info(name: Name, format: options.OutputFormat = options.Format.table) -> None:
    """Tell of a data set its source, licence, checksums, columns and units.

    scalelaw data info epoch-chinchilla
    """
    from scalelaw.datasets import get_dataset

    item = get_dataset(name)
    files = [{"file": f.path, "bytes": f.size, "sha256": f.sha256, "url": f.url or None} for f in item.files]
    told = {
        "holds": item.title,
        "cite": item.citation,
        "licence": item.licence,
        "source": _source(item),
        "note": item.note,
        "here": _here(item),
        "place": str(_place(item)),
        "as runs": f"data:{item.name}" if item.reads_as_runs else "no: not a table of runs",
    }
    if format is options.Format.json:
        described = {"columns": dict(item.columns), "stated": dict(item.stated), "units": dict(item.units)}
        output.write_json({"name": item.name, **told, **described, "files": files})
    elif format is options.Format.csv:
        output.write_csv([{"name": item.name, **file, "url": file["url"] or ""} for file in files])
    else:
        typer.echo(item.name)
        for key, text in told.items():
            if text:
                output.wrapped(f"{key:9s}{text}", " " * 9)
        roles = {column: quantity for quantity, column in item.columns.items()}
        rows = [
            [c, roles.get(c, ""), item.units.get(c, "")] for c in dict.fromkeys((*item.columns.values(), *item.units))
        ]
        if rows:
            typer.echo("\n" + output.aligned(rows, ["column", "read as", "unit"]))
        cells = [[str(f["file"]), f"{f['bytes']:,}", str(f["sha256"])] for f in files]
        typer.echo("\n" + output.aligned(cells, ["file", "bytes", "sha256"]))


@app.command()
def get(
    name: Name,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE_OR_FOLDER", help="Fill the cache from a copy; names there do not matter."),
    ] = None,
) -> None:
    """Fetch a data set into the cache, or fill the cache from a copy; print where its files lie.

    Only what has the registry's checksum is used. $SCALELAW_CACHE is the cache, $SCALELAW_DATA names folders to look in
    first.

    scalelaw data get epoch-chinchilla

    scalelaw data get epoch-chinchilla --from ~/downloads
    """
    from scalelaw.datasets import fetch, fill, get_dataset

    item = get_dataset(name)
    paths = fetch(item) if source is None else fill(item, source)
    for path in paths:
        typer.echo(path)
    output.note(f"{item.name}: {item.licence}; cite {item.citation}")


def _here(item: Dataset) -> str:
    """Whether its files are on this machine, in a word."""
    from scalelaw.datasets import find
    from scalelaw.errors import DataError

    if item.shipped:
        return "ships"
    try:
        return "yes" if find(item) else "no"
    except DataError:
        return "damaged"


def _place(item: Dataset) -> Path:
    """Where its files lie, or would lie in the cache."""
    from scalelaw.datasets import find
    from scalelaw.errors import DataError

    try:
        found = find(item)
    except DataError:
        found = None
    return found[0].parent if found else item.folder


def _source(item: Dataset) -> str:
    if item.shipped:
        return "this project"
    where = " at ".join(part for part in (item.repository, item.commit[:12]) if part)
    return "; ".join(part for part in (where, item.made) if part)


def _bytes(size: Any) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
