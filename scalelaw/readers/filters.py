"""Leaving runs out of a table by a comparison, on the record."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.numbers import parse_number
from scalelaw.runs import RunTable

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON = re.compile(r"\s*(.+?)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*")
_RANK = re.compile(r"(largest|smallest)\((\d+)\)")
_FORM = "COLUMN OP VALUE, OP one of <= >= == != < >, VALUE a number, a text, largest(k) or smallest(k)"


def exclude_expression(table: RunTable, expression: str, reason: str | None = None) -> RunTable:
    """The runs for which the comparison does not hold; the others become exclusions, with the expression as reason.

    One comparison of a column with a number, a text (`==` and `!=` only), or `largest(k)` / `smallest(k)`: the column's
    k-th largest or smallest value, ties counted. A run without a value there is kept. Raises `UsageError` for anything
    else and `DataError` E_NO_ROWS where no run is left.

    >>> table = RunTable.of(n_params=[1e6, 2e6, 4e6], n_tokens=[2e7, 4e7, 8e7], loss=[4.1, 3.1, 2.9])
    >>> kept = exclude_expression(table, "loss >= largest(1)")
    >>> len(kept), kept.excluded[0].reason
    (2, 'loss >= largest(1)')
    """
    match = _COMPARISON.fullmatch(expression)
    if match is None:
        raise UsageError(f"Cannot read the filter {expression!r}. Expected: {_FORM}.")
    name, symbol, right = match.groups()
    values = table.column(name)
    dropped = OPERATORS[symbol](values, _threshold(values, name, symbol, right)) & _present(values)
    if dropped.all():
        problem = f"the filter {expression!r} leaves none of {len(table)} runs"
        raise DataError("E_NO_ROWS", problem, column=name, remedy="loosen it")
    return table.where(~dropped, reason or expression)


def _threshold(values: NDArray[Any], name: str, symbol: str, right: str) -> float | str:
    rank = _RANK.fullmatch(right)
    if values.dtype.kind not in "iuf":
        if symbol not in ("==", "!=") or rank:
            raise UsageError(f"Column {name!r} holds text: only == and != a text apply; found {symbol} {right}.")
        return right.strip("'\"")
    if rank:
        return _ranked(values, name, rank[1], int(rank[2]))
    try:
        return parse_number(right)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"Cannot compare column {name!r} with {right!r}: {error}. Expected: {_FORM}.") from None


def _ranked(values: NDArray[Any], name: str, end: str, k: int) -> float:
    ordered = np.sort(values[_present(values)])
    if not 1 <= k <= len(ordered):
        raise UsageError(f"{end}({k}) of column {name!r}: there are {len(ordered)} values, counted from 1.")
    return float(ordered[-k] if end == "largest" else ordered[k - 1])


def _present(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([value is not None and value == value for value in values.tolist()], dtype=bool)
