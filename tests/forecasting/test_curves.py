"""Curves from logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.forecasting import curve_of, read_curves
from scalelaw.forecasting.curves import BLOCKS, table
from tests.forecasting.made import made


def test_a_rate_is_interpolated_between_points_and_rises_linearly_before_the_first() -> None:
    curve = curve_of("run", [10, 20, 30], [3.0, 2.9, 2.8], [1.0, 1.0, 0.5])
    np.testing.assert_allclose(curve.rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(curve.rates[19:], np.linspace(1.0, 0.5, 11))
    assert curve_of("run", [10, 20], [3, 2], [1, 1], warmup=5).rates[5] == 1.0


def test_points_at_a_rate_of_zero_at_the_end_are_left_out_and_elsewhere_refused() -> None:
    assert curve_of("run", [10, 20, 30], [3, 2, 1], [1, 0.5, 0]).last == 20
    with pytest.raises(DataError, match="0 in between"):
        curve_of("run", [10, 20, 30], [3, 2, 1], [1, 0, 1])


def test_steps_that_fall_and_rates_that_are_missing_are_refused() -> None:
    with pytest.raises(DataError, match="rise from 1"):
        curve_of("run", [20, 10], [3, 2], [1, 1])
    with pytest.raises(DataError, match="without a positive learning rate"):
        curve_of("run", [10, 20], [3, 2], [1, np.nan])


def test_logs_are_read_and_a_missing_rate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run.csv"
    file.write_text("step,eta,loss\n" + "".join(f"{i},{1e-3},{3 + 1 / i}\n" for i in range(100, 400, 10)))
    (curve,), _ = read_curves([file], lr="eta")
    assert (curve.name, len(curve.step), curve.last) == ("run", 30, 390)
    with pytest.raises(DataError, match="name the column that holds the learning rate with --lr"):
        read_curves([file])


def test_our_own_offline_logs_hold_curves() -> None:
    folder = Path(__file__).resolve().parents[2] / "data" / "walkthrough" / "wandb"
    curves, _ = read_curves([folder], loss="train_loss")
    assert len(curves) == 25
    assert all(curve.falls and len(curve.step) > 5 for curve in curves)


def test_a_table_groups_neighbouring_points() -> None:
    runs = table([made("run", "cosine")])
    assert len(runs.groups) == BLOCKS
    assert list(runs.group) == sorted(runs.group)
