"""The verb: files of logged runs -> RunTable."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.readers.base import Cells, Manner, Mask, lines_text
from scalelaw.readers.checking import notice_values, refuse_missing, refuse_values
from scalelaw.readers.columns import Choice, choose_columns
from scalelaw.readers.extras import extras, labels
from scalelaw.readers.facts import read_about, with_facts
from scalelaw.readers.finding import find_cells
from scalelaw.readers.joining import joined
from scalelaw.readers.mapping import QUANTITY_COLUMNS, ColumnMap
from scalelaw.readers.names import with_safe_names
from scalelaw.readers.parsing import Refusal, parse_column
from scalelaw.readers.products import with_products
from scalelaw.readers.redacting import redacted_column
from scalelaw.readers.reducing import Reduction, reduce_curves
from scalelaw.readers.repeats import grouped_by_configuration, notice_one_group, notice_twins, without_repeats
from scalelaw.readers.states import finished, joined_runs
from scalelaw.readers.units import check_flops, losses_in_nats
from scalelaw.runs import Exclusion, Floats, Note, RunTable

PathLike = str | os.PathLike[str]
SHOWN = 5
"""Refused cells that a message lists."""


def read_runs(
    path: PathLike | Sequence[PathLike],
    *,
    mapping: ColumnMap | PathLike | None = None,
    loss: str | None = None,
    n_params: str | None = None,
    n_tokens: str | None = None,
    flops: str | None = None,
    n_params_non_embedding: str | None = None,
    run_id: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    loss_unit: str | None = None,
    params_convention: str | None = None,
    flops_convention: str | None = None,
    bytes_per_token: float | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    drop_invalid: bool | None = None,
    about: PathLike | None = None,
    given: Mapping[str, str] | None = None,
    curve: str | None = None,
    smooth: int | None = None,
    join_runs: str | None = None,
    keep_unfinished: bool | None = None,
    skip_bad_lines: bool | None = None,
) -> RunTable:
    """The runs of a file, of several files, of a tracker's folder, or of a run store.

    Formats are told apart by content, else by their ending; `.gz` is unpacked. The names of columns may be given, one
    by one or as a `mapping` (a `ColumnMap`, or a TOML file of one); otherwise the usual ones are looked for. A name may
    be a product, `step*32768`. What a log does not say is told in `about`, a table with a row a run, or `given` for all
    of them. Losses come out in nats per token. Of N, D and C = 6 N D any two suffice.

    `curve` says which points of a logged curve are rows: `all`, `last`, `min`, or numbers of tokens, `1B,2B`; `auto` is
    the last for what a tracker logged and all for a table. `smooth` is the number of points a loss is the mean of.
    `join_runs` is a regular expression of what tells segments of one run apart, `-run-\\d+$`. Runs that a tracker says
    did not finish are left out unless `keep_unfinished`; broken lines of a log are with `skip_bad_lines`.

    A row with a cell that cannot be used is an error; with `drop_invalid` it becomes an exclusion that says why.
    `table.notes` tells what was noticed and not refused.

    Raises `DataError` for data that must be refused (its `code` says which way) and `UsageError` for names, units or
    conventions that are unknown.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp(), "runs.csv")
    >>> _ = file.write_text("N,D,val_loss\\n70M,1.4B,3.1\\n160M,3.2B,2.8\\n")
    >>> read_runs(file).n_params.tolist()
    [70000000.0, 160000000.0]
    """
    wanted = wanted_map(
        mapping,
        loss=loss,
        n_params=n_params,
        n_tokens=n_tokens,
        flops=flops,
        n_params_non_embedding=n_params_non_embedding,
        run_id=run_id,
        group=group,
        weight=weight,
        loss_unit=loss_unit,
        params_convention=params_convention,
        flops_convention=flops_convention,
        bytes_per_token=bytes_per_token,
        encoding=encoding,
        decimal=decimal,
        drop_invalid=drop_invalid,
        about=about,
        given=given,
        curve=curve,
        smooth=smooth,
        join_runs=join_runs,
        keep_unfinished=keep_unfinished,
        skip_bad_lines=skip_bad_lines,
    )
    return tabled([chosen(cells, wanted) for cells in find_sources(path, wanted)])


def wanted_map(mapping: ColumnMap | PathLike | None, **given: Any) -> ColumnMap:
    """The mapping, or the one in a file of that name, with what was given put over it."""
    base = mapping if isinstance(mapping, ColumnMap) else ColumnMap.load(Path(mapping)) if mapping else ColumnMap()
    return base.updated(**{**given, "given": {**base.given, **(given.get("given") or {})}})


def find_sources(path: PathLike | Sequence[PathLike], wanted: ColumnMap) -> list[Cells]:
    """The cells of each source, uninterpreted, with the facts and values that are told beside them."""
    paths = [Path(path)] if isinstance(path, str | os.PathLike) else [Path(item) for item in path]
    if not paths:
        raise UsageError("No file to read. Next: name a file, or a run-store directory.")
    manner = Manner(wanted.encoding or "utf-8", bool(wanted.skip_bad_lines))
    facts = read_about(Path(wanted.about), manner) if wanted.about else None
    sources = [joined_runs(cells, wanted) for item in paths for cells in find_cells(item, manner)]
    return [with_facts(cells, facts, wanted.given, wanted.run_id) for cells in sources]


@dataclass(frozen=True)
class Chosen:
    """A source with the column of every quantity, the runs in it that finished, and how it is to be read."""

    cells: Cells
    choice: Choice
    wanted: ColumnMap


def chosen(cells: Cells, wanted: ColumnMap) -> Chosen:
    """A source before its rows are judged. Raises `DataError` where a column is missing or ambiguous."""
    cells, wanted = with_products(cells, wanted, wanted.decimal or ".")
    choice = choose_columns(cells, wanted)
    run, group = choice.columns.get("run_id"), choice.columns.get("group")
    cells = with_safe_names(cells, (run, group))
    return Chosen(finished(cells, run, bool(wanted.keep_unfinished)), choice, wanted)


def tabled(sources: Sequence[Chosen]) -> RunTable:
    """The sources as one table; rows without a name are numbered through all of them."""
    firsts = np.cumsum([0, *(len(source.cells) for source in sources[:-1])])
    return joined([_table(source, first) for source, first in zip(sources, firsts.tolist(), strict=True)])


@dataclass(frozen=True)
class _Numbers:
    """The quantities of a source as numbers, with the cells that were refused."""

    values: Mapping[str, Floats]
    refused: tuple[Refusal, ...]
    notes: tuple[Note, ...]


def _table(source: Chosen, first: int) -> RunTable:
    wanted, decimal = source.wanted, source.wanted.decimal or "."
    reduction = Reduction.of(wanted.curve or "auto", 1 if wanted.smooth is None else wanted.smooth)
    cells, choice = reduce_curves(source.cells, source.choice, reduction, decimal)
    ids = labels(cells, choice.columns.get("run_id"), [f"run{first + i:03d}" for i in range(len(cells))])
    numbers = _numbers(cells, choice, decimal)
    keep, dropped = _kept(cells, ids, numbers.refused, bool(wanted.drop_invalid))
    if dropped:
        cells, ids = cells.where(keep), tuple(name for name, kept in zip(ids, keep, strict=True) if kept)
    values = {name: column[keep] for name, column in numbers.values.items()}
    values["loss"], unit, unit_notes = losses_in_nats(values["loss"], cells, choice.columns["loss"], wanted)
    table = RunTable.of(
        loss=values.pop("loss"),
        **values,
        run_id=ids,
        group=labels(cells, choice.columns.get("group"), ids),
        file=cells.file,
        line=cells.line,
        extras=extras(cells, choice),
        conventions=replace(choice.conventions, loss_unit=unit),
        sources=cells.sources,
        excluded=(*cells.excluded, *dropped),
    )
    return _noticed(table, (*cells.notes, *numbers.notes, *unit_notes), cells.path, choice)


def _noticed(table: RunTable, notes: Iterable[Note], path: str, choice: Choice) -> RunTable:
    logged = set(choice.columns)
    if {"n_params", "n_tokens", "flops"} <= logged:
        notes = (*notes, *check_flops(table, path))
    table = replace(table, notes=(*notes, *notice_values(table, logged)))
    table = without_repeats(table) if "run_id" in logged else notice_twins(table)
    if "group" not in logged:
        return grouped_by_configuration(table)
    return notice_one_group(table, choice.columns["group"])


def _numbers(cells: Cells, choice: Choice, decimal: str) -> _Numbers:
    columns = {name: choice.columns[name] for name in QUANTITY_COLUMNS if name in choice.columns}
    parsed = {name: parse_column(cells, name, column, decimal) for name, column in columns.items()}
    values = {name: item.values for name, item in parsed.items()}
    refused = [refusal for item in parsed.values() for refusal in item.refused]
    for name, column in columns.items():
        refused += refuse_values(name, column, values[name], cells.columns[column])
    known = np.zeros(len(cells), dtype=bool)
    known[[refusal.row for refusal in refused]] = True
    refused += refuse_missing(cells, columns, values, known)
    order = {column: i for i, column in enumerate(columns.values())}
    # One column may serve two quantities, N with and without embeddings; its cells are refused once.
    once = sorted(dict.fromkeys(map(_discreet, refused)), key=lambda refusal: (refusal.row, order[refusal.column]))
    return _Numbers(values, tuple(once), tuple(note for item in parsed.values() for note in item.notes))


def _discreet(item: Refusal) -> Refusal:
    """The refusal without a secret in it, where somebody takes a column of secrets for one of numbers."""
    shown = str(redacted_column(item.column, (item.value,))[0])
    if shown == item.value:
        return item
    return replace(item, value=shown, problem=f"{item.column} cannot be read as a number")


def _kept(
    cells: Cells, ids: Sequence[str], refused: Sequence[Refusal], drop_invalid: bool
) -> tuple[Mask, tuple[Exclusion, ...]]:
    """Which rows stay, and why the others do not. Raises the first refusal unless rows may be dropped."""
    keep = np.ones(len(cells), dtype=bool)
    if not refused:
        return keep, ()
    first = {refusal.row: refusal for refusal in reversed(refused)}
    if not drop_invalid or len(first) == len(cells):
        raise _refusal_error(cells, refused)
    keep[list(first)] = False
    return keep, tuple(
        Exclusion(ids[row], f"{first[row].problem}; found {first[row].value!r}", cells.file[row], int(cells.line[row]))
        for row in sorted(first)
    )


def _refusal_error(cells: Cells, refused: Sequence[Refusal]) -> DataError:
    """The error of the first refused cell; it counts the others and lists some."""
    first, problem = refused[0], refused[0].problem
    if len(refused) > 1:
        lines = lines_text([int(cells.line[row]) for row in dict.fromkeys(item.row for item in refused)])
        shown = ", ".join(f"{_place(cells, item.row)} {item.column} {item.value!r}" for item in refused[:SHOWN])
        problem += f"; {len(refused)} cells are refused in {lines}: {shown}{', ...' if len(refused) > SHOWN else ''}"
    return DataError(
        first.code,
        problem,
        file=cells.file[first.row],
        line=int(cells.line[first.row]) or None,
        column=first.column,
        value=first.value,
        remedy=f"{first.remedy}, or leave such rows out with --drop-invalid",
    )


def _place(cells: Cells, row: int) -> str:
    line = int(cells.line[row])
    return f"line {line}" if line else cells.file[row]
