"""Weights: a group counts once, and noise between seeds is estimated where seeds were repeated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import fit
from scalelaw.runs import RunTable
from scalelaw.weighting import seed_noise, weigh
from tests.conftest import chinchilla_loss, simulated


def replicated(configurations: int, seeds: int, noise: object, seed: int = 0) -> RunTable:
    """Runs of several seeds at each size, the scatter of ln(loss) a function of compute."""
    rng = np.random.default_rng(seed)
    n_params = np.repeat(np.geomspace(1e7, 1e10, configurations), seeds)
    n_tokens = np.repeat(np.geomspace(1e9, 3e10, configurations)[::-1], seeds) * n_params / 1e8
    scatter = noise(6 * n_params * n_tokens) * rng.standard_normal(len(n_params))
    loss = chinchilla_loss(n_params, n_tokens) * np.exp(scatter)
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss)


def test_every_group_counts_once() -> None:
    table = simulated(30, groups=7)
    weighed = weigh(table, by="group")
    totals = {name: weighed.weight[np.array(table.group) == name].sum() for name in table.groups}
    np.testing.assert_allclose(list(totals.values()), 30 / 7)
    assert weighed.weight.mean() == pytest.approx(1.0)


def test_a_row_listed_twice_in_its_group_moves_nothing() -> None:
    table = simulated(30, groups=10)
    doubled = table.take(np.append(np.arange(30), np.flatnonzero(np.array(table.group) == "group3")))
    one, other = (fit("chinchilla", weigh(t, by="group"), "log_least_squares", starts=8) for t in (table, doubled))
    np.testing.assert_allclose(one.natural, other.natural, rtol=1e-6)


def test_weights_multiply_those_there_are() -> None:
    table = simulated(30, groups=30)
    weight = np.linspace(1.0, 2.0, 30)
    table = replace(table, weight=weight, group=tuple(f"pair{i // 2}" for i in range(30)))
    weighed = weigh(table, by="group").weight
    np.testing.assert_allclose(weighed[0::2] / weighed[1::2], weight[0::2] / weight[1::2])


def test_pooled_noise_is_recovered_within_three_standard_errors() -> None:
    """120 degrees of freedom: the standard error of ln sigma is 1 / sqrt(240)."""
    table = replicated(40, 4, lambda C: np.full_like(C, 0.01))
    sigma = seed_noise(table)
    assert np.abs(np.log(sigma / 0.01)).max() < 3 * 3 / np.sqrt(240)  # at the ends the slope's error is added


def test_noise_that_falls_with_size_is_followed_given_enough_seeds() -> None:
    def falling(C: np.ndarray) -> np.ndarray:
        return 0.01 * (C / 1e19) ** -0.15

    table = replicated(40, 8, falling)
    sigma = seed_noise(table)
    slope = np.polyfit(np.log(table.flops), np.log(sigma), 1)[0]
    assert slope == pytest.approx(-0.15, abs=0.05)
    weights = weigh(table, by="seed_noise").weight
    assert weights[np.argmax(table.flops)] > weights[np.argmin(table.flops)]


def test_two_pairs_of_seeds_keep_nearly_to_the_pooled_noise() -> None:
    """Two differences say little about a slope: it stays within its prior range whatever they are."""
    table = replicated(2, 2, lambda C: np.full_like(C, 0.01), seed=3)
    one = table.loss.copy()
    one[1] = one[0] * np.exp(1e-5)
    sigma = seed_noise(replace(table, loss=one))
    span = np.log(table.flops.max() / table.flops.min())
    assert abs(np.log(sigma.max() / sigma.min())) < 0.5 * 3 * 0.25 * span


def test_the_variance_line_is_the_most_likely_one() -> None:
    table = replicated(15, 3, lambda C: np.full_like(C, 0.02))
    sigma, log_C = seed_noise(table), np.log(table.flops)
    log_loss = np.log(table.loss).reshape(15, 3)
    s2 = log_loss.var(axis=1, ddof=1)
    x = log_C[::3] - log_C[::3].mean()
    b, a = np.polyfit(x, 2 * np.log(sigma[::3]), 1)

    def cost(a: float, b: float) -> float:
        log_v = a + b * x
        return float((log_v + s2 * np.exp(-log_v)).sum() + 0.5 * b**2 / 0.25**2)

    for da, db in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)]:
        assert cost(a + da, b + db) > cost(a, b)


def test_runs_without_replicates_are_refused_with_the_next_step() -> None:
    with pytest.raises(DataError, match=r"two configurations .* 0 of 30 .*Next: add runs that differ in their seed"):
        weigh(simulated(30), by="seed_noise")
    with pytest.raises(DataError, match="1 of 1"):
        weigh(replicated(1, 5, lambda C: np.full_like(C, 0.01)), by="seed_noise")


def test_replicates_that_are_copies_are_refused() -> None:
    with pytest.raises(DataError, match="the same loss"):
        weigh(replicated(5, 2, lambda C: np.zeros_like(C)), by="seed_noise")


def test_an_unknown_way_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Unknown way to weigh runs 'age'\. Known: group, seed_noise"):
        weigh(simulated(30), by="age")
