"""Runs find their partners."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.loss2loss import pair_runs
from tests.loss2loss.sweeps import loss_y, sweeps


def test_pairs_by_size_do_not_depend_on_the_order_of_rows() -> None:
    x, y = sweeps()
    pairs = pair_runs(x, y)
    assert len(pairs) == len(x)
    np.testing.assert_allclose(pairs.loss_y, loss_y(pairs.loss_x), rtol=1e-12)


def test_seeds_of_one_configuration_are_one_pair_at_their_geometric_mean() -> None:
    x = sl.RunTable.of(n_params=[1e6, 1e6, 2e6, 3e6], n_tokens=[1e7] * 4, loss=[2.0, 2.42, 1.9, 1.8])
    y = sl.RunTable.of(n_params=[1e6, 2e6, 3e6, 5e6], n_tokens=[1e7] * 4, loss=[3.0, 2.9, 2.8, 2.7])
    pairs = pair_runs(x, y)
    np.testing.assert_allclose(pairs.loss_x, [2.2, 1.9, 1.8], rtol=1e-12)
    assert pairs.loss_y.tolist() == pytest.approx([3.0, 2.9, 2.8])


def test_equal_compute_pairs_runs_of_different_shapes() -> None:
    x = sl.RunTable.of(n_params=[1e6, 2e6, 4e6], n_tokens=[8e6, 8e6, 8e6], loss=[3.0, 2.5, 2.2])
    y = sl.RunTable.of(n_params=[2e6, 4e6, 8e6], n_tokens=[4e6, 4e6, 4e6], loss=[3.5, 2.9, 2.6])
    assert len(pair_runs(x, y, "compute")) == 3
    with pytest.raises(sl.DataError, match="make 0 by size"):
        pair_runs(x, y)


def test_interpolated_pairs_lie_on_the_line_between_frontier_runs() -> None:
    x = sl.RunTable.of(n_params=[1e6, 1e6, 1e6, 1e6], n_tokens=[1e6, 1e8, 1e8, 1e10], loss=[4.0, 3.0, 9.0, 2.0])
    y = sl.RunTable.of(n_params=[1e6] * 5, n_tokens=[1e7, 1e8, 1e9, 1e10, 1e12], loss=[3.9, 3.1, 2.5, 2.1, 1.0])
    pairs = pair_runs(x, y, "interpolated")
    np.testing.assert_allclose(pairs.loss_x, [np.sqrt(12.0), 3.0, np.sqrt(6.0), 2.0], rtol=1e-12)
    assert pairs.loss_y.tolist() == pytest.approx([3.9, 3.1, 2.5, 2.1])  # what lies beyond x's end is left out


def test_an_unknown_way_is_answered_with_the_known_ones() -> None:
    x, y = sweeps()
    with pytest.raises(sl.UsageError, match="size, compute, interpolated, run"):
        pair_runs(x, y, "name")
