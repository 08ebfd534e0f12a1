"""The bootstrap repeats itself, respects groups, and reproduces published standard errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalelaw.fitting import fit
from scalelaw.intervals import LossAt, OptimalParams, OptimalRatio, OptimalTokens, bootstrap
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, simulated
from tests.test_fitting import epoch

PUBLISHED_ERRORS = {"A": 124.5, "B": 1293.0, "E": 0.0257, "alpha": 0.0154, "beta": 0.0206}
"""Besiroglu et al. 2024, arXiv 2404.10102, table 1: 4,000 pairs-bootstrap replicates."""


def test_standard_errors_are_those_published(development_data: Path) -> None:
    draws = bootstrap(fit("chinchilla", epoch(development_data, 240), "log_huber"), 4000, seed=0)
    assert draws.failed == 0
    for name, published in PUBLISHED_ERRORS.items():
        tolerance = 0.1 if name in "AB" else 0.05  # coefficients have long tails
        assert draws.standard_error(name) == pytest.approx(published, rel=tolerance), name


def test_draws_do_not_depend_on_the_number_of_workers() -> None:
    result = fit("chinchilla", simulated(40))
    one, two = (bootstrap(result, 600, seed=3, workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(one.natural, two.natural)


def test_every_replicate_is_solved_to_its_own_optimum() -> None:
    """Replicates that never move would have no spread: the standard error agrees with the delta method's."""
    result = fit("chinchilla", simulated(200), "log_least_squares")
    draws = bootstrap(result, 300)
    spread = np.std(np.log(draws.values("alpha")))
    delta_method = result.certificate.log_errors[result.law.names.index("alpha")]
    assert 0.6 < spread / delta_method < 1.6


def test_groups_are_resampled_whole() -> None:
    """Duplicating every run as a second seed of its group must not shrink the interval."""
    table = simulated(40)
    doubled = table.take(np.repeat(np.arange(len(table)), 2))
    single = bootstrap(fit("chinchilla", table, "log_huber"), 400).standard_error("alpha")
    grouped = bootstrap(fit("chinchilla", doubled, "log_huber"), 400).standard_error("alpha")
    assert grouped == pytest.approx(single, rel=1e-6)


def test_interval_contains_the_truth_and_states_its_method() -> None:
    draws = bootstrap(fit("chinchilla", simulated(120)), 400)
    answer = draws.interval("alpha")
    assert isinstance(answer, Interval)
    assert answer.contains(CHINCHILLA["alpha"])
    assert answer.method == "pairs bootstrap over 120 runs, percentile, 400 replicates, seed 0"


def test_prediction_interval_is_wider_than_the_confidence_interval() -> None:
    draws = bootstrap(fit("chinchilla", simulated(120)), 400)
    inputs = {"n_params": 1e9, "n_tokens": 2e10}
    law, new = draws.interval(LossAt(**inputs)), draws.prediction_interval(**inputs)
    assert isinstance(law, Interval)
    assert isinstance(new, Interval)
    assert new.high - new.low > 2 * (law.high - law.low)
    assert new.kind == "prediction"


def test_optimal_sizes_multiply_to_the_budget() -> None:
    draws = bootstrap(fit("chinchilla", simulated()), 50)
    n_params, n_tokens = draws.values(OptimalParams(1e21)), draws.values(OptimalTokens(1e21))
    np.testing.assert_allclose(6 * n_params * n_tokens, 1e21, rtol=1e-12)
    np.testing.assert_allclose(draws.values(OptimalRatio(1e21)), n_tokens / n_params, rtol=1e-12)


def test_a_quantity_many_replicates_lack_is_unavailable_with_its_reason() -> None:
    draws = bootstrap(fit("chinchilla", simulated()), 50)
    broken = type(draws)(draws.fit, np.where(np.arange(50)[:, None] < 10, np.nan, draws.natural), "test", 0)
    answer = broken.interval("alpha")
    assert isinstance(answer, Unavailable)
    assert "20%" in answer.reason


def test_replicates_without_a_value_count_against_both_ends() -> None:
    """One replicate in forty may have stood anywhere: the interval is the widest that any value for it would give."""
    draws = bootstrap(fit("chinchilla", simulated()), 80)
    natural = np.where(np.arange(80)[:, None] == 7, np.nan, draws.natural)
    broken = replace(draws, natural=natural)
    whole, answer = (d.interval("alpha") for d in (draws, broken))
    assert isinstance(whole, Interval)
    assert isinstance(answer, Interval)
    assert answer.low <= whole.low
    assert answer.high >= whole.high
    assert "1 of 80 replicates" in answer.note


def test_few_groups_leave_every_replicate_with_a_value() -> None:
    """Ten groups drawn with replacement often leave a parameter open; a loss they predict all the same."""
    for seed in range(2):
        one = simulated(10, noise=0.0, seed=seed)
        index, rng = np.repeat(np.arange(10), 4), np.random.default_rng(seed)
        noise = 0.0045 * rng.standard_normal(10)[index] + 0.0022 * rng.standard_normal(40)
        runs = RunTable.of(
            n_params=one.n_params[index],
            n_tokens=one.n_tokens[index],
            loss=one.loss[index] * np.exp(noise),
            group=[f"g{i}" for i in index],
        )
        draws = bootstrap(fit("chinchilla", runs, starts=8), 79, seed=seed)
        assert draws.failed <= 1
        assert isinstance(draws.interval(LossAt(n_params=1e10, n_tokens=1e12)), Interval)
