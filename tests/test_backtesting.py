"""Holding out the largest runs: a true law predicts them, within its intervals."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.backtesting import backtest
from scalelaw.errors import UsageError
from tests.conftest import simulated


def test_the_largest_third_by_compute_is_held_out() -> None:
    result = backtest("chinchilla", simulated(60), replicates=50)
    compute = [6 * t.n_params * t.n_tokens for t in (result.fit.runs, result.held_out)]
    assert len(result.held_out) == 20
    assert compute[0].max() <= compute[1].min()
    assert {exclusion.run_id for exclusion in result.fit.runs.excluded} == set(result.held_out.run_id)


def test_a_true_law_predicts_within_the_noise_and_its_intervals() -> None:
    result = backtest("chinchilla", simulated(90, noise=0.005), replicates=300)
    assert result.mean_absolute_error < 0.008
    assert result.inside >= 26  # of 30; the chance of fewer at 95 % is 2 %


def test_a_wrong_unit_in_the_held_out_runs_shows() -> None:
    table = simulated(60)
    largest = 6 * table.n_params * table.n_tokens >= np.quantile(6 * table.n_params * table.n_tokens, 2 / 3)
    bits = type(table).of(
        n_params=table.n_params, n_tokens=table.n_tokens, loss=np.where(largest, table.loss / np.log(2), table.loss)
    )
    result = backtest("chinchilla", bits, replicates=50)
    assert result.inside == 0
    assert result.largest_error > 0.2


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        backtest("chinchilla", simulated(), share=1.0)
