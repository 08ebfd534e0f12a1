"""Tables: derived columns, exclusions with reasons, and a fingerprint of what a fit sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalelaw.errors import DataError, UsageError
from scalelaw.runs import RunTable
from tests.conftest import simulated


def test_the_third_of_n_d_and_c_is_derived() -> None:
    for given_columns in ({"n_params": [2.0], "n_tokens": [5.0]}, {"n_params": [2.0], "flops": [60.0]}):
        table = RunTable.of(loss=[1.0], **given_columns)
        assert (table.n_params[0], table.n_tokens[0], table.flops[0]) == (2.0, 5.0, 60.0)


def test_where_records_what_it_drops_and_why() -> None:
    table = simulated(10)
    kept = table.where(table.loss < np.sort(table.loss)[-2], "two largest losses")
    assert len(kept) == 8
    assert {exclusion.reason for exclusion in kept.excluded} == {"two largest losses"}
    assert {exclusion.run_id for exclusion in kept.excluded} | set(kept.run_id) == set(table.run_id)


@given(st.permutations(range(12)))
def test_fingerprint_does_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    table = simulated(12)
    assert table.take(order).fingerprint == table.fingerprint


def test_fingerprint_sees_every_number_and_the_convention() -> None:
    table = simulated(5)
    changed = RunTable.of(n_params=table.n_params, n_tokens=table.n_tokens, loss=table.loss * (1 + 1e-15))
    assert changed.fingerprint != table.fingerprint


def test_columns_of_a_table_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        simulated(5).loss[0] = 1.0


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(UsageError, match="one length"):
        RunTable.of(loss=[1.0, 2.0], n_params=[1.0], n_tokens=[1.0, 2.0])


def test_a_missing_quantity_is_named_with_the_option_that_gives_it() -> None:
    table = RunTable.of(loss=[1.0, 2.0], n_params=[1.0, 2.0])
    with pytest.raises(DataError, match=r"n_tokens is needed.*--n-tokens"):
        table.require("n_tokens")


def test_an_unknown_column_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Unknown column 'lr'. Known: n_params"):
        simulated(3).column("lr")


def test_to_frame_holds_every_column() -> None:
    frame = simulated(4).to_frame()
    assert list(frame.columns[:3]) == ["run_id", "group", "n_params"]
    assert len(frame) == 4
