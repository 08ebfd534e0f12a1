"""How large runs are: the first complete count, and weights that heed the largest."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.runs import RunTable
from scalelaw.sizing import asked, decades_beyond, emphasise, sizes
from tests.conftest import simulated


def test_size_is_compute_or_else_what_is_known() -> None:
    full = RunTable.of(n_params=[1e6, 2e6], n_tokens=[1e8, 1e8], loss=[3.0, 2.9])
    np.testing.assert_allclose(sizes(full), [6e14, 1.2e15])
    np.testing.assert_allclose(sizes(RunTable.of(n_tokens=[1e8, 2e8], loss=[3.0, 2.9])), [1e8, 2e8])
    with pytest.raises(DataError, match="no column of sizes is complete"):
        sizes(RunTable.of(loss=[3.0, 2.9]))


def test_emphasis_is_the_ratio_of_the_largest_weight_to_the_smallest() -> None:
    runs = emphasise(simulated(20), 10.0)
    order = np.argsort(sizes(runs))
    assert (np.diff(runs.weight[order]) > 0).all()
    assert runs.weight.max() / runs.weight.min() == pytest.approx(10.0)
    assert (emphasise(simulated(20), 1.0).weight == simulated(20).weight).all()


def test_a_run_of_ten_times_the_compute_lies_one_decade_beyond() -> None:
    fitted = RunTable.of(flops=[1e20, 1e21], loss=[3.0, 2.9])
    np.testing.assert_allclose(decades_beyond(fitted, asked({"flops": [1e22, 1e21]})), [1.0, 0.0])
    table = asked({"n_params": 1e9, "n_tokens": [1e10, 2e10], "epochs": 4.0})
    np.testing.assert_allclose(table.flops, [6e19, 1.2e20])
    assert list(table.column("epochs")) == [4.0, 4.0]
