"""A filter is one comparison, and what it leaves out is on the record."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import exclude_expression
from scalelaw.runs import RunTable


@pytest.fixture
def table() -> RunTable:
    return RunTable.of(
        n_params=[1e6, 2e6, 4e6, 8e6],
        n_tokens=[2e7] * 4,
        loss=[4.0, 3.5, 3.5, 3.0],
        extras={"corpus": np.array(["c4", "pile", "c4", None], dtype=object), "lr": [0.1, np.nan, 0.3, 0.4]},
    )


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("loss >= 3.5", [3.0]),
        ("loss>3.5", [3.5, 3.5, 3.0]),
        ("n_params < 4M", [3.5, 3.0]),
        ("loss == 3.5", [4.0, 3.0]),
        ("loss >= largest(2)", [3.0]),
        ("loss <= smallest(1)", [4.0, 3.5, 3.5]),
        ("corpus == c4", [3.5, 3.0]),
        ("corpus != 'c4'", [4.0, 3.5, 3.0]),
        ("lr != 0.1", [4.0, 3.5]),
        ("run_id == run003", [4.0, 3.5, 3.5]),
    ],
)
def test_the_comparison_decides(expression: str, left: list[float], table: RunTable) -> None:
    kept = exclude_expression(table, expression)
    assert kept.loss.tolist() == left
    assert len(kept.excluded) == len(table) - len(kept)
    assert {item.reason for item in kept.excluded} == {expression}


@pytest.mark.parametrize(
    "expression",
    [
        "loss",
        "loss >= x",
        "loss + 1 > 3",
        "corpus > c4",
        "loss >= largest(9)",
        "loss >= largest(0)",
        "__import__('os')",
    ],
)
def test_anything_else_is_refused(expression: str, table: RunTable) -> None:
    with pytest.raises(UsageError):
        exclude_expression(table, expression)


def test_a_filter_that_leaves_nothing_is_refused(table: RunTable) -> None:
    with pytest.raises(DataError, match="E_NO_ROWS"):
        exclude_expression(table, "loss > 1")
