"""Approach 1 recovers the exponent from training curves, and does not let winners choose the bins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalelaw.approaches import Allocation, envelope
from scalelaw.errors import UsageError
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.approaches.conftest import EPOCH


def curves(sizes: int, noise: float = 0.0, seed: int = 0, checkpoints: int = 60) -> RunTable:
    """Training curves of `EPOCH`, each from 1 to 400 tokens a parameter; noise is one draw a run."""
    rng = np.random.default_rng(seed)
    n_params = np.repeat(np.geomspace(4e7, 6.3e9, sizes), checkpoints)
    n_tokens = n_params * np.tile(np.geomspace(1, 400, checkpoints), sizes)
    wobble = np.repeat(np.exp(noise * rng.standard_normal(sizes)), checkpoints)
    group = np.repeat([f"size{i}" for i in range(sizes)], checkpoints).tolist()
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=EPOCH.loss(n_params, n_tokens) * wobble, group=group)


def exponent(found: Allocation) -> float:
    assert not isinstance(found.n_params, Unavailable), found.n_params
    return found.n_params.exponent


def test_many_curves_without_noise_give_the_true_exponents_and_sizes() -> None:
    found = envelope(curves(40), bins=500, replicates=20)
    assert exponent(found) == pytest.approx(EPOCH.exponent, abs=2e-3)
    assert not isinstance(found.n_params, Unavailable)
    assert not isinstance(found.n_tokens, Unavailable)
    assert found.n_tokens.exponent == pytest.approx(1 - EPOCH.exponent, abs=2e-3)
    assert float(found.n_params.at(1e20) / EPOCH.n_opt(1e20)) == pytest.approx(1, abs=0.02)


def test_noise_between_runs_does_not_bend_the_line() -> None:
    """Keeping the bins whose winner is inside the sizes lowers this exponent by 0.05; see `envelope`."""
    errors = [
        exponent(envelope(curves(40, 0.004, seed), bins=300, replicates=10)) - EPOCH.exponent for seed in range(30)
    ]
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors)) + 2e-3
    assert abs(np.mean(errors)) < 0.015


def test_the_interval_holds_the_truth_and_is_of_whole_curves() -> None:
    found = envelope(curves(15, 0.003), bins=300, replicates=100)
    assert not isinstance(found.n_params, Unavailable)
    interval = found.n_params.interval
    assert isinstance(interval, Interval)
    assert "15 curves" in interval.method
    assert interval.contains(EPOCH.exponent)


def test_bins_near_the_ends_of_the_sizes_do_not_count() -> None:
    found = envelope(curves(20), bins=200, replicates=10)
    verdicts = [budget.verdict for budget in found.budgets]
    assert verdicts[0]
    assert verdicts[-1]
    assert "" in verdicts
    assert "W_BUDGET_REJECTED" in [finding.code for finding in found.findings]
    assert "I_CHECKPOINTS" in [finding.code for finding in found.findings]


def test_finished_runs_enter_at_their_own_compute() -> None:
    rng = np.random.default_rng(0)
    n_params = np.exp(rng.uniform(np.log(2e7), np.log(5e9), 400))
    n_tokens = n_params * np.exp(rng.uniform(np.log(2), np.log(300), 400))
    found = envelope(RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=EPOCH.loss(n_params, n_tokens)))
    assert exponent(found) == pytest.approx(EPOCH.exponent, abs=0.05)
    assert "I_FINISHED_RUNS" in [finding.code for finding in found.findings]
    used = [budget for budget in found.budgets if budget.used and budget.points == 1]
    assert used
    assert all(budget.flops == pytest.approx(6 * budget.n_params * budget.n_tokens) for budget in used)


def test_published_points_keep_their_envelope(development_data: Path) -> None:
    """Approach 1 on the points digitised from Hoffmann et al.'s figure; they report 0.50 for theirs."""
    frame = pd.read_csv(development_data / "epoch-chinchilla" / "svg_extracted_data.csv")
    found = envelope(RunTable.of(n_params=frame["Model Size"], flops=frame["Training FLOP"], loss=frame.loss))
    assert exponent(found) == pytest.approx(0.4902, abs=2e-4)
    assert not isinstance(found.n_params, Unavailable)
    interval = found.n_params.interval
    assert isinstance(interval, Interval)
    assert interval.contains(0.50)


def test_two_sizes_have_no_envelope_between_smaller_and_larger() -> None:
    found = envelope(curves(2), bins=50, replicates=10)
    assert isinstance(found.n_params, Unavailable)
    assert "bracketed" in found.n_params.reason


def test_the_same_seed_gives_the_same_interval() -> None:
    one, two = (envelope(curves(15, 0.003), bins=100, replicates=20, seed=3) for _ in range(2))
    assert one.n_params == two.n_params


def test_one_bin_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 2 bins"):
        envelope(curves(5), bins=1)
