"""Units: the loss of every row in nats per token, and whether N, D and C can be in the units they claim."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from scalelaw.counting import UNCONVERTED, loss_in_nats, loss_unit
from scalelaw.errors import DataError, UsageError
from scalelaw.readers.base import Cells, Mask, lines_text
from scalelaw.readers.mapping import ColumnMap
from scalelaw.runs import QUANTITIES, Floats, Note, RunTable

UNIT_COLUMNS = ("loss_unit", "unit")
NEAR_A_POWER = 0.35
"""Decades between C/(6ND) and a power of a thousand within which a unit is at fault: a factor of 2.2, so that
C = 2ND on top of a wrong unit is told apart from neither."""
CONSISTENT = 0.01
"""Relative difference between C and 6ND that rounding of logged values explains."""
MOST = 0.9
"""Share of the other rows that must be near 1 before some rows are said to be in another unit."""
FEWEST = {"n_params": 1e4, "n_tokens": 1e6}
"""Counts below these, where C/(6ND) shows a wrong unit, are the ones at fault."""


def losses_in_nats(losses: Floats, cells: Cells, column: str, wanted: ColumnMap) -> tuple[Floats, str, list[Note]]:
    """The losses in nats per token, the unit they were logged in, and a note where that was not nats.

    Row by row where a column `loss_unit` or `unit` says so. Raises `DataError`: E_UNIT where header, column and
    `loss_unit` disagree, E_UNIT_MIXED where the unit of some rows is not known.
    """
    said = loss_unit(wanted.loss_unit) if wanted.loss_unit else None
    units = _row_units(cells, said) or [said or _unit_in(column) or "nats/token"] * len(cells)
    _refuse_conflict(cells, column, set(units), said)
    kinds = sorted(set(units))
    if len(kinds) > 1 and set(kinds) & set(UNCONVERTED):
        problem = f"losses of kinds that cannot be compared: {', '.join(kinds)}"
        raise DataError("E_UNIT_MIXED", problem, file=cells.path, column=column, remedy="read them as two tables")
    factors = {unit: loss_in_nats(1.0, unit, wanted.bytes_per_token) for unit in kinds}
    nats = losses * np.array([factors[unit] for unit in units])
    name = ", ".join(kinds)
    if name == "nats/token":
        return nats, name, []
    if name in UNCONVERTED:
        return nats, name, [Note("I_UNIT", f"{column}: a {name}, which is meant wherever nats/token is said")]
    return nats, name, [Note("I_BITS", f"{column}: {name} converted to nats/token")]


def _unit_in(column: str) -> str | None:
    """The unit a header names.

    >>> _unit_in("loss_bits"), _unit_in("val_bpb"), _unit_in("eval/loss")
    ('bits/token', 'bits/byte', None)
    """
    words = set(re.split(r"[^a-z]+", column.lower()))
    if "bpb" in words or {"bits", "byte"} <= words:
        return "bits/byte"
    if words & {"bits", "bit", "bpt"}:
        return "bits/token"
    return "nats/token" if words & {"nats", "nat"} else None


def _row_units(cells: Cells, said: str | None) -> list[str] | None:
    name = next((name for name in cells.columns if name.lower() in UNIT_COLUMNS), None)
    if name is None:
        return None
    names = {str(cell): _unit_or_none(cell) for cell in set(cells.columns[name])}
    unknown = sorted(text for text, unit in names.items() if unit is None)
    if not unknown:
        return [str(names[str(cell)]) for cell in cells.columns[name]]
    if said is not None and len(unknown) == len(names):
        return None  # a column `unit` of something else; the caller said what the loss is in
    lines = [int(cells.line[i]) for i, cell in enumerate(cells.columns[name]) if str(cell) in unknown]
    code = "E_UNIT" if len(names) == 1 else "E_UNIT_MIXED"
    problem = f"unknown loss unit {', '.join(map(repr, unknown))} in {lines_text(lines)}; known: nats, bits, bpb"
    raise DataError(code, problem, file=cells.path, line=lines[0], column=name, remedy="correct the unit")


def _unit_or_none(cell: Any) -> str | None:
    try:
        return loss_unit(str(cell))
    except UsageError:
        return None


def _refuse_conflict(cells: Cells, column: str, units: set[str], said: str | None) -> None:
    claims = {claim for claim in (said, _unit_in(column)) if claim is not None}
    if claims and units != claims:
        problem = f"the loss unit is said to be both {' and '.join(sorted(units | claims))}"
        remedy = "correct --loss-unit, the header or the unit column"
        raise DataError("E_UNIT", problem, file=cells.path, column=column, remedy=remedy)


def check_flops(table: RunTable, path: str) -> tuple[Note, ...]:
    """Compares logged C with 6ND, row by row.

    A ratio near a power of a thousand is a unit: `DataError` E_UNIT, or E_UNIT_MIXED where some rows have it and the
    others are near 1. Any other difference is a note. Under the convention `exact` there is nothing to compare: with
    a small N that leaves out embeddings, C may be hundreds of times 6ND.
    """
    if table.conventions.flops == "exact":
        return ()
    ratio = table.flops / (6.0 * table.n_params * table.n_tokens)
    powers = 3 * np.round(np.log10(ratio) / 3)
    off = (powers != 0) & (np.abs(np.log10(ratio) - powers) < NEAR_A_POWER)
    rest = np.abs(np.log10(ratio[~off])) < NEAR_A_POWER
    if off.any() and (not len(rest) or rest.mean() > MOST):
        raise _wrong_unit(table, path, off, int(powers[off][0]))
    differs = np.abs(ratio - 1) > CONSISTENT
    if not differs.any():
        return ()
    lines = tuple(table.line[differs].tolist())
    return (Note("W_FLOPS", _difference(table, ratio, differs, lines), lines),)


def _wrong_unit(table: RunTable, path: str, off: Mask, power: int) -> DataError:
    rows = table.where(off)
    small = [name for name, least in FEWEST.items() if power > 0 and np.median(getattr(rows, name)) < least]
    column = small[0] if small else "flops"
    if len(rows) == len(table):
        code, where = "E_UNIT", "in every row"
    else:
        code, where = "E_UNIT_MIXED", f"in {lines_text(rows.line.tolist())} and near 1 elsewhere"
    problem = f"C/(6ND) = 1e{power} {where}, so {column} is in another unit than {QUANTITIES[column]}"
    remedy = f"write {column} in full, or with a suffix such as 124M"
    return DataError(code, problem, file=path, column=column, remedy=remedy)


def _difference(table: RunTable, ratio: Floats, differs: Mask, lines: Sequence[int]) -> str:
    odd = ratio[differs]
    if len(odd) == len(ratio) and np.ptp(odd) < CONSISTENT * odd[0]:
        return f"C/(6ND) = {odd[0]:.3g} in every row{_known_ratio(float(odd[0]))}"
    low, high = f"{odd.min():.3g}", f"{odd.max():.3g}"
    sentence = f"{lines_text(lines)}: C/(6ND) = {low}" + (f" to {high}" if high != low else "")
    extra = (table.n_params - table.flops / (6.0 * table.n_tokens))[differs]
    if len(extra) > 2 and np.ptp(extra) < CONSISTENT * abs(extra.mean()):
        sentence += f"; N and C differ by the same {abs(extra.mean()):.3g} parameters: those of an embedding?"
    return sentence


def _known_ratio(ratio: float) -> str:
    """What a constant C/(6ND) usually means: 1 PF-day is 8.64e19 FLOP; a forward pass alone costs 2ND."""
    known = {1 / 8.64e19: "; is C in PF-days?", 1 / 3: "; does C count the forward pass only?"}
    return next((meaning for value, meaning in known.items() if abs(ratio / value - 1) < CONSISTENT), "")
