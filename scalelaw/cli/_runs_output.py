"""A survey of logs on stdout, as a table, JSON or CSV."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.readers.surveying import Found, Survey
    from scalelaw.runs import Conventions, RunTable

WIDTH = 80
NAME = 24
"""Characters of a run's name in a table."""
ROWS, COLUMNS, LEFT_OUT = 40, 30, 12
"""Lines of runs, columns and exclusions that a table shows; JSON has all of them."""
TELLING = ("loss", "bpb", "ppl", "param", "token", "flop", "step", "size", "lr", "batch")
"""Parts of names of columns that may hold a quantity, which are shown first."""


def write_columns(survey: Survey, format: options.Format) -> None:
    """The columns of sources that cannot be read as they are: what they were taken for, or examples and a guess."""
    if format is options.Format.json:
        error = str(survey.error)
        output.write_json({"error": error, "sources": [_source(found) for found in survey.sources]})
        return
    rows = [
        {"file": found.path, "column": name, "examples": ", ".join(values)}
        for found in survey.sources
        for name, values in found.columns.items()
    ]
    if format is options.Format.csv:
        output.write_csv(rows)
        return
    for found in survey.sources:
        if found.taken:
            _write_taken(found, None, several=True)
        else:
            typer.echo(f"{output.clean(found.path)}: {found.rows} rows; columns, with examples\n")
            typer.echo(_columns(found) + "\n")
            _wrapped(f"a guess from the names: {_guess(found)}")


def _guess(found: Found) -> str:
    """Options that name the columns whose names tell most, and a product or a value where none does."""
    from shlex import quote

    lower = {name: name.lower() for name in found.columns}

    def column(part: str, *but: str) -> str | None:
        named = [name for name, text in lower.items() if part in text and not any(word in text for word in but)]
        return min(named, key=lambda name: ("val" not in lower[name], len(name)), default=None)

    step, flops = column("step", "num_", "per_", "total", "warm"), column("flop", "per_", "mfu")
    named = {
        "--loss": column("loss") or column("bpb"),
        "--n-params": column("param", "embed"),
        "--n-tokens": column("token", "per_", "batch") or (f"{step}*TOKENS_PER_STEP" if step else None),
        "--flops": f"{flops}*1e9" if flops and "gflop" in flops.lower() else flops,
    }
    flags = [f"{flag} {quote(name)}" for flag, name in named.items() if name]
    return " ".join([*flags, *([] if named["--n-params"] else ["--set n_params=50M"])])


def write_survey(survey: Survey, format: options.Format, curves: bool) -> None:
    """The runs, how they are understood, what was left out, and every note."""
    assert survey.table is not None
    rows = _runs(survey, survey.table)
    if format is options.Format.csv:
        output.write_csv(_curves(survey.table) if curves else rows)
    elif format is options.Format.json:
        output.write_json(_document(survey, survey.table, rows, curves))
    else:
        _write_table(survey, survey.table, rows, curves)


def _runs(survey: Survey, table: RunTable) -> list[dict[str, Any]]:
    points: Counter[str] = Counter()
    states: dict[str, str] = {}
    for found in survey.sources:
        points.update(found.points)
        states.update(found.states)
    return [
        {
            "run_id": run.run_id,
            "group": run.group,
            "n_params": run.n_params,
            "n_tokens": run.n_tokens,
            "flops": run.flops,
            "loss": run.loss,
            "points": points.get(run.run_id, 1),
            "state": states.get(run.run_id, ""),
            "file": run.file,
            "line": run.line,
        }
        for run in table
    ]


def _curves(table: RunTable) -> list[dict[str, Any]]:
    """Of each run, how far its curve reaches and from which loss to which."""
    import numpy as np

    names = np.array(table.run_id)
    curves = []
    for name in dict.fromkeys(table.run_id):
        mine = np.flatnonzero(names == name)
        loss, tokens = table.loss[mine], table.n_tokens[mine]
        curves.append(
            {
                "run_id": name,
                "points": len(mine),
                "n_params": float(table.n_params[mine[0]]),
                "first_tokens": float(tokens[0]),
                "last_tokens": float(tokens[-1]),
                "first_loss": float(loss[0]),
                "last_loss": float(loss[-1]),
                "least_loss": float(loss.min()),
                "least_at_tokens": float(tokens[loss.argmin()]),
            }
        )
    return curves


def _document(survey: Survey, table: RunTable, rows: list[dict[str, Any]], curves: bool) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "runs": [{key: _finite(value) for key, value in row.items()} for row in rows],
        **({"curves": [{k: _finite(v) for k, v in curve.items()} for curve in _curves(table)]} if curves else {}),
        "conventions": asdict(table.conventions),
        "fingerprint": table.fingerprint,
        "sources": [_source(found) for found in survey.sources],
        "files": [asdict(source) for source in table.sources],
        "excluded": [asdict(item) for item in table.excluded],
        "notes": [asdict(note) for note in table.notes],
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _source(found: Found) -> dict[str, Any]:
    columns = {name: list(values) for name, values in found.columns.items()}
    return {"path": found.path, "rows": found.rows, "taken": dict(found.taken), "columns": columns}


def _write_table(survey: Survey, table: RunTable, rows: list[dict[str, Any]], curves: bool) -> None:
    names = len(set(table.run_id))
    count = "1 run" if names == 1 else f"{names} runs"
    count = f"{len(table)} rows of {count}" if names < len(table) else count
    typer.echo(f"{count}, exclusions: {len(table.excluded)}, fingerprint {table.fingerprint}\n")
    shown = _curve_lines(table) if curves else _run_lines(rows)
    typer.echo(shown + "\n")
    for found in survey.sources:
        _write_taken(found, table.conventions, len(survey.sources) > 1)
    _write_excluded(table)
    for note in table.notes:
        _wrapped(f"note: {note.message} [{note.code}]")


def _run_lines(rows: Sequence[dict[str, Any]]) -> str:
    with_state = any(row["state"] for row in rows)
    header = ["run", "N", "D", "C, FLOP", "loss", "points", *(["state"] if with_state else [])]
    lines = [
        [
            _name(row["run_id"]),
            *(output.shown(row[name], 4) for name in ("n_params", "n_tokens")),
            f"{row['flops']:.3g}",
            f"{row['loss']:.5g}",
            str(row["points"]),
            *([_name(row["state"], 10)] if with_state else []),
        ]
        for row in rows[:ROWS]
    ]
    return output.aligned(lines, header) + _more(len(rows), ROWS, "rows", "--format csv, or --save FILE, has all")


def _curve_lines(table: RunTable) -> str:
    curves = _curves(table)
    lines = [
        [
            _name(curve["run_id"]),
            str(curve["points"]),
            f"{output.shown(curve['first_tokens'], 3)} to {output.shown(curve['last_tokens'], 3)}",
            f"{curve['first_loss']:.4g} to {curve['last_loss']:.4g}",
            f"{curve['least_loss']:.4g} at {output.shown(curve['least_at_tokens'], 3)}",
        ]
        for curve in curves[:ROWS]
    ]
    header = ["run", "points", "tokens", "loss", "least"]
    return output.aligned(lines, header) + _more(len(curves), ROWS, "runs", "--format csv has all")


def _write_taken(found: Found, conventions: Conventions | None, several: bool) -> None:
    """Which column serves as which quantity, in which unit where the rows could be read; what else there is."""
    from scalelaw.readers.mapping import LABEL_COLUMNS, QUANTITY_COLUMNS

    said = {"n_params_non_embedding": "parameters without embeddings", "n_tokens": "tokens"}
    if conventions:
        said["loss"] = conventions.loss_unit
        said["n_params"] = f"parameters, counted: {conventions.params}"
        said["flops"] = f"FLOP, counted: {conventions.flops}"
    derived = {"n_params": "parameters, C / (6 D)", "n_tokens": "tokens, C / (6 N)", "flops": "FLOP, 6 N D"}
    taken = [
        [name, _name(found.taken[name], 36), said.get(name, "")] if name in found.taken else [name, "-", derived[name]]
        for name in (*QUANTITY_COLUMNS, *LABEL_COLUMNS)
        if name in found.taken or name in derived
    ]
    if several:
        typer.echo(f"{output.clean(found.path)}")
    typer.echo(output.aligned(taken, ["quantity", "column", "unit"]))
    if found.others:
        names = ", ".join(_name(name, 36) for name in found.others[:COLUMNS])
        more = f" and {len(found.others) - COLUMNS} more" if len(found.others) > COLUMNS else ""
        _wrapped(f"other columns: {names}{more}")
    typer.echo("")


def _write_excluded(table: RunTable) -> None:
    for item in table.excluded[:LEFT_OUT]:
        place = f" (line {item.line})" if item.line else ""
        _wrapped(f"left out: {_name(item.run_id)}{place}: {item.reason}")
    if len(table.excluded) > LEFT_OUT:
        _wrapped(f"left out: {len(table.excluded) - LEFT_OUT} more; --format json has all")


def _columns(found: Found) -> str:
    """Columns with examples, those first whose names tell that they may hold a quantity."""
    names = sorted(found.columns, key=lambda name: not any(part in name.lower() for part in TELLING))
    lines = [[_name(name, 40), _name(", ".join(found.columns[name]), 36)] for name in names[:COLUMNS]]
    return output.aligned(lines, ["column", "examples"]) + _more(
        len(names), COLUMNS, "columns", "--format json has all"
    )


def _more(count: int, shown: int, what: str, where: str) -> str:
    return f"\n... and {count - shown} {what} more; {where}" if count > shown else ""


def _name(text: str, width: int = NAME) -> str:
    """A name from a file made safe, its middle left out where it is too long: names often differ at their ends."""
    safe = output.clean(text)
    return safe if len(safe) <= width else f"{safe[: width - 12]}..{safe[-10:]}"


def _wrapped(text: str) -> None:
    typer.echo(textwrap.fill(output.clean(text), WIDTH, subsequent_indent="  ", break_on_hyphens=False))
