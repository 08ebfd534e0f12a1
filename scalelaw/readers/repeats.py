"""Rows that repeat: the same row twice, one run with two losses, seeds of one configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import lines_text
from scalelaw.runs import Exclusion, Note, RunTable

STEPS = ("seed", "step")
"""Columns that tell rows of one name apart, beside N and D."""


def without_repeats(table: RunTable) -> RunTable:
    """The table with each row once: an exact repeat becomes an exclusion and a note, for a fit would count it twice.

    Raises `DataError` E_CONFLICT where one run has two losses at the same N and D.
    """
    if len(set(table.run_id)) == len(table):
        return table
    first: dict[tuple[Any, ...], int] = {}
    repeats = []
    for row, key in enumerate(_keys(table)):
        before = first.setdefault(key, row)
        if before == row:
            continue
        if table.loss[row] != table.loss[before]:
            raise _conflict(table, before, row)
        repeats.append((row, before))
    return _excluding(table, repeats) if repeats else table


def notice_twins(table: RunTable) -> RunTable:
    """The table, with a note where rows that have no names are the same in every number: copies, or chance."""
    _, which, count = np.unique(table.loss, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(count[which] > 1)
    columns = [getattr(table, name)[rows].tolist() for name in ("n_params", "n_tokens", "flops", "loss")]
    columns += [list(map(str, column[rows].tolist())) for column in table.extras.values()]
    seen: set[tuple[Any, ...]] = set()
    twins = []
    for row, key in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
        if key in seen:
            twins.append(row)
        seen.add(key)
    if not twins:
        return table
    lines = tuple(int(table.line[row]) for row in twins)
    said = f"{lines_text(lines)}: {len(lines)} lines repeat earlier ones in everything; kept, for no name tells why"
    return replace(table, notes=(*table.notes, Note("W_DUPLICATE", f"{said}; add a column run_id", lines)))


def _keys(table: RunTable) -> Iterator[tuple[Any, ...]]:
    told_apart = [column.tolist() for name, column in table.extras.items() if name.lower() in STEPS]
    return zip(table.run_id, table.n_params.tolist(), table.n_tokens.tolist(), *told_apart, strict=True)


def _excluding(table: RunTable, repeats: list[tuple[int, int]]) -> RunTable:
    keep = np.ones(len(table), dtype=bool)
    keep[[row for row, _ in repeats]] = False
    dropped = tuple(
        Exclusion(table.run_id[row], f"repeats {_place(table, before)}", table.file[row], int(table.line[row]))
        for row, before in repeats
    )
    lines = tuple(int(table.line[row]) for row, _ in repeats)
    note = Note("W_DUPLICATE", f"{lines_text(lines)}: {len(lines)} lines repeat earlier ones and are left out", lines)
    kept = table.where(keep)
    return replace(kept, excluded=(*table.excluded, *dropped), notes=(*table.notes, note))


def _place(table: RunTable, row: int) -> str:
    line = int(table.line[row])
    return f"{table.file[row]}, line {line}" if line else table.file[row]


def _conflict(table: RunTable, before: int, row: int) -> DataError:
    lines = lines_text([int(table.line[before]), int(table.line[row])])
    losses = f"{table.loss[before]:.6g} and {table.loss[row]:.6g} nats/token"
    return DataError(
        "E_CONFLICT",
        f"run {table.run_id[row]} has two losses at one N and D in {lines}: {losses}",
        file=table.file[row],
        line=int(table.line[row]) or None,
        remedy="delete one, add a column seed, or name a column of distinct names with --run-id",
    )


def grouped_by_configuration(table: RunTable) -> RunTable:
    """Seeds of one configuration in one group, named after its first run, so that they are resampled together.

    A configuration is N and the last D of a run. Runs that differ in more, such as the learning rate, share a group
    then: intervals come out wider, never too narrow. A table without a column of several seeds stays as it is.
    """
    seeds = next((column for name, column in table.extras.items() if name.lower() == "seed"), None)
    if seeds is None or len(set(seeds.tolist())) < 2:
        return table
    last: dict[str, float] = {}
    for run, n_tokens in zip(table.run_id, table.n_tokens.tolist(), strict=True):
        last[run] = max(n_tokens, last.get(run, 0.0))
    names: dict[tuple[float, float], str] = {}
    group = tuple(
        names.setdefault((n_params, last[run]), run)
        for run, n_params in zip(table.run_id, table.n_params.tolist(), strict=True)
    )
    sentence = f"a column seed: {len(table)} rows are {len(names)} configurations; resample by configuration"
    return replace(table, group=group, notes=(*table.notes, Note("W_CLUSTERS", sentence)))


def notice_one_group(table: RunTable, column: str) -> RunTable:
    """The table with a note where its column of groups puts all of several runs in one: no interval can be had then."""
    if len(table.groups) > 1 or len(set(table.run_id)) < 3:
        return table
    sentence = f"{column}: one value in all {len(table)} rows, so that they are one group and no interval can be had"
    note = Note("W_ONE_GROUP", f"{sentence}; name another column with --group, such as that of the runs")
    return replace(table, notes=(*table.notes, note))
