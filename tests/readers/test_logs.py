"""Runs as trackers keep them become rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalelaw.readers.base import Repeated
from scalelaw.readers.logs import Log, Logs, log_cells
from scalelaw.readers.mapping import ColumnMap
from scalelaw.readers.reading import chosen, tabled


def test_a_configuration_is_held_once_a_run_and_reads_as_if_it_stood_in_every_row() -> None:
    """Forty runs of 100,000 points with 300 settings would otherwise be a thousand million cells."""
    config = {"n_params": 1e6, "lr": "0.1", "name": "x", "api_key": "0123"}
    points = [{"step": step, "loss": 3 + 1 / step, "tokens": step * 1e6} for step in range(1, 6)]
    odd = config | {"lr": "high"}
    runs = [
        Log("a", config, points, "f"),
        Log("b", config, points[:3], "f"),
        Log("c", odd, points, "f", state="failed"),
    ]
    cells = log_cells(Path("f"), Logs(runs))
    assert isinstance(cells.columns["lr"], Repeated)
    plain = cells.with_columns({name: list(column) for name, column in cells.columns.items()})
    for curve in ("last", "all"):
        mine, theirs = (tabled([chosen(told, ColumnMap(curve=curve))]) for told in (cells, plain))
        assert mine.fingerprint == theirs.fingerprint
        assert mine.extras["lr"].dtype == theirs.extras["lr"].dtype == float
        for name, column in theirs.extras.items():
            np.testing.assert_array_equal(mine.extras[name], column)
    assert set(mine.extras["api_key"].tolist()) == {"[redacted]"}
