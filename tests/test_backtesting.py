"""Holding out the largest runs: a true law predicts them, within its intervals."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.backtesting import Backtest, RollingBacktest, backtest, rolling_backtest
from scalelaw.errors import DataError, UsageError
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import simulated


@pytest.fixture(scope="module")
def rolled() -> RollingBacktest:
    return rolling_backtest("chinchilla", simulated(80), starts=8)


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


def test_an_interval_score_is_the_width_and_forty_times_the_miss() -> None:
    """Gneiting & Raftery 2007, eq. 43, at 95 %: 2 / 0.05 = 40 per unit, here in log loss."""
    fitted = backtest("chinchilla", simulated(60), method=None).fit
    three = simulated(3)
    low, high = three.loss * np.exp([-0.1, 0.02, -0.1]), three.loss * np.exp([0.1, 0.1, -0.03])
    ends = zip(low, high, strict=True)
    intervals = tuple(Interval("loss", 1.0, float(a), float(b), 0.95, "by hand") for a, b in ends)
    result = Backtest(fitted, three, three.loss, intervals, 0.95)
    np.testing.assert_allclose(result.scores, [0.2, 0.08 + 40 * 0.02, 0.07 + 40 * 0.03], rtol=1e-10)
    np.testing.assert_allclose(result.widths, [0.2, 0.08, 0.07], rtol=1e-10)
    assert list(result.held) == [True, False, False]


def test_every_cut_predicts_only_larger_runs(rolled: RollingBacktest) -> None:
    assert [len(cut.held_out) for cut in rolled.cuts] == [24, 16, 8]
    for cut in rolled.cuts:
        assert cut.decades.min() >= 0
        np.testing.assert_allclose(10 ** cut.decades.max(), cut.reach)


def test_a_true_law_is_covered_at_its_level_at_every_distance(rolled: RollingBacktest) -> None:
    assert rolled.coverage > 0.85  # of 48 predictions of 24 runs
    assert rolled.error < 0.01
    distances = rolled.by_distance()
    assert sum(distance.predictions for distance in distances) == len(rolled.log_errors) == 48
    assert all(distance.width > 0.01 for distance in distances)


def test_a_law_that_is_wrong_misses_more_the_farther_it_looks() -> None:
    flops = np.geomspace(1e18, 1e22, 60)
    loss = 1.7 + 30 * flops**-0.08 * (1 + flops / 1e20) ** 0.05
    result = rolling_backtest("power_constant(flops)", RunTable.of(flops=flops, loss=loss), shares=(0.5, 0.4))
    near, *_, far = result.by_distance()
    assert far.error > 3 * near.error


def test_nothing_beyond_the_horizon_counts(rolled: RollingBacktest) -> None:
    near = rolling_backtest("chinchilla", simulated(80), horizon=0.5, method=None, starts=8)
    assert near.decades.max() <= 0.5
    assert 0 < len(near.log_errors) < len(rolled.log_errors)
    assert isinstance(near.cuts[0].intervals[0], Unavailable)


def test_a_cut_that_leaves_too_few_runs_is_passed_over() -> None:
    result = rolling_backtest("chinchilla", simulated(9), shares=(0.5, 0.2), method=None, starts=8)
    assert [len(cut.held_out) for cut in result.cuts] == [2]
    with pytest.raises(DataError, match="5 rows for 5 parameters"):
        rolling_backtest("chinchilla", simulated(9), shares=(0.5,))


def test_runs_without_parameters_are_held_out_by_tokens() -> None:
    tokens = np.geomspace(1e6, 1e9, 30)
    runs = RunTable.of(n_tokens=tokens, loss=0.3 + 50 * tokens**-0.3)
    result = backtest("power_constant(n_tokens)", runs, method="wald")
    assert result.held_out.n_tokens.min() > result.fit.runs.n_tokens.max()
    assert result.largest_error < 1e-6
