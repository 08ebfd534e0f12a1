"""A survey of logs on stdout, as a table, JSON or CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.readers.surveying import Found, Survey
    from scalelaw.runs import Conventions, RunTable

ROWS, COLUMNS, LEFT_OUT = 40, 30, 12
"""Lines of runs, columns and exclusions that a table shows; JSON has all of them."""
TELLING = ("loss", "bpb", "xent", "entropy", "ppl", "param", "token", "flop", "step", "size", "lr", "batch")
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
            output.wrapped(f"a guess from the names: {_guess(found)}")


def _guess(found: Found) -> str:
    """Options that name the columns whose names tell most, and a product or a value where none does.

    A quantity with one usual name needs no option; of several the likeliest is named.
    """
    from shlex import quote

    lower = {name: name.lower() for name in found.columns}

    def column(part: str, *but: str) -> str | None:
        named = [name for name, text in lower.items() if part in text and not any(word in text for word in but)]
        return min(named, key=lambda name: ("val" not in lower[name], len(name)), default=None)

    step, flops = column("step", "num_", "per_", "total", "warm"), column("flop", "per_", "mfu")
    told = {
        "loss": column("loss") or column("bpb") or column("xent") or column("entropy"),
        "n_params": column("param", "embed", "val"),
        "n_tokens": column("token", "per_", "batch", "val", "warm", "unique")
        or (f"{step}*TOKENS_PER_STEP" if step else None),
        "flops": f"{flops}*1e9" if flops and "gflop" in flops.lower() else flops,
    }
    flags = []
    for quantity, name in told.items():
        usual = found.likely.get(quantity, ())
        if len(usual) != 1 and (usual or name):
            flags.append(f"--{quantity.replace('_', '-')} {quote(usual[0] if usual else str(name))}")
    known = told["n_params"] or found.likely.get("n_params") or found.likely.get("n_params_non_embedding")
    return " ".join([*flags, *([] if known else ["--set n_params=50M"])])


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
        output.wrapped(f"note: {note.message} [{note.code}]")


def _run_lines(rows: Sequence[dict[str, Any]]) -> str:
    with_state = any(row["state"] for row in rows)
    header = ["run", "N", "D", "C, FLOP", "loss", "points", *(["state"] if with_state else [])]
    lines = [
        [
            output.named(row["run_id"]),
            *(_number(row[name], lambda value: output.shown(value, 4)) for name in ("n_params", "n_tokens")),
            _number(row["flops"], "{:.3g}".format),
            _number(row["loss"], "{:.5g}".format),
            str(row["points"]),
            *([output.named(row["state"], 10)] if with_state else []),
        ]
        for row in rows[:ROWS]
    ]
    return output.aligned(lines, header) + _more(len(rows), ROWS, "rows", "--format csv, or --save FILE, has all")


def _number(value: float, written: Callable[[float], str]) -> str:
    return written(value) if value == value else "-"


def _curve_lines(table: RunTable) -> str:
    curves = _curves(table)
    lines = [
        [
            output.named(curve["run_id"]),
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
    derived = {name: _derived(name, found.taken) for name in ("n_params", "n_tokens", "flops")}
    taken = [
        [name, output.named(found.taken[name], 36), said.get(name, "")]
        if name in found.taken
        else [name, "-", derived[name]]
        for name in (*QUANTITY_COLUMNS, *LABEL_COLUMNS)
        if name in found.taken or name in derived
    ]
    if several:
        typer.echo(f"{output.clean(found.path)}")
    typer.echo(output.aligned(taken, ["quantity", "column", "unit"]))
    if found.others:
        names = ", ".join(output.named(name, 36) for name in found.others[:COLUMNS])
        more = f" and {len(found.others) - COLUMNS} more" if len(found.others) > COLUMNS else ""
        output.wrapped(f"other columns: {names}{more}")
    typer.echo("")


def _derived(quantity: str, taken: Mapping[str, str]) -> str:
    """What a quantity without a column follows from, or how to tell it."""
    formula = {"n_params": "parameters, C / (6 D)", "n_tokens": "tokens, C / (6 N)", "flops": "FLOP, 6 N D"}[quantity]
    others = {"n_params", "n_tokens", "flops"} - {quantity}
    if others <= taken.keys():
        return formula
    option = {"n_params": "--set n_params=50M", "n_tokens": "--n-tokens 'step*32768'"}.get(quantity)
    return f"not in the logs; tell it: {option}" if option else "neither logged nor 6 N D"


def _write_excluded(table: RunTable) -> None:
    for item in table.excluded[:LEFT_OUT]:
        place = f" (line {item.line})" if item.line else ""
        output.wrapped(f"left out: {output.named(item.run_id)}{place}: {item.reason}")
    if len(table.excluded) > LEFT_OUT:
        output.wrapped(f"left out: {len(table.excluded) - LEFT_OUT} more; --format json has all")


def _columns(found: Found) -> str:
    """Columns with examples, those first whose names tell that they may hold a quantity."""
    names = sorted(found.columns, key=lambda name: not any(part in name.lower() for part in TELLING))
    lines = [[output.named(name, 40), output.named(", ".join(found.columns[name]), 36)] for name in names[:COLUMNS]]
    return output.aligned(lines, ["column", "examples"]) + _more(
        len(names), COLUMNS, "columns", "--format json has all"
    )


def _more(count: int, shown: int, what: str, where: str) -> str:
    return f"\n... and {count - shown} {what} more; {where}" if count > shown else ""
