"""A bent law is found out by its largest runs, and far predictions are widened by what they show."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.extrapolating import Discrepancy, discrepancy, extrapolation_interval
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import uncertainty
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, simulated

SIGMA, LARGEST = 0.005, 1e22


def bent_loss(N: np.ndarray, D: np.ndarray, bend: float) -> np.ndarray:
    """Chinchilla's law whose local exponents fall by `bend` per e-fold of N and of D away from 3e8 and 6e9."""
    c = CHINCHILLA
    t1 = c["A"] * N ** -c["alpha"] * np.exp(0.5 * bend * np.log(N / 3e8) ** 2)
    t2 = c["B"] * D ** -c["beta"] * np.exp(0.5 * bend * np.log(D / 6e9) ** 2)
    return c["E"] + t1 + t2


def fitted(seed: int, bend: float, n: int = 240) -> Fit:
    """Chinchilla's law fitted to n runs over four decades of compute."""
    rng = np.random.default_rng(seed)
    C, ratio = np.exp(rng.uniform(np.log(1e18), np.log(LARGEST), n)), np.exp(rng.uniform(np.log(2), np.log(300), n))
    N = np.sqrt(C / (6 * ratio))
    loss = bent_loss(N, N * ratio, bend) * np.exp(SIGMA * rng.standard_normal(n))
    return fit("chinchilla", RunTable.of(n_params=N, n_tokens=N * ratio, loss=loss), "log_least_squares", starts=8)


def far_away(seed: int, bend: float) -> tuple[bool, bool, float]:
    """Whether a new run at 100 times the largest compute falls in the plain and in the widened interval, and by how
    much the latter is wider."""
    found = fitted(seed, bend)
    N = np.sqrt(100 * LARGEST / 120)
    loss = float(bent_loss(N, 20 * N, bend) * np.exp(SIGMA * np.random.default_rng([seed, 1]).standard_normal()))
    known, term = uncertainty(found, "wald"), discrepancy(found)
    assert isinstance(term, Discrepancy)
    plain = known.prediction_interval(n_params=N, n_tokens=20 * N)
    wide = extrapolation_interval(known, term, n_params=N, n_tokens=20 * N)
    assert isinstance(plain, Interval)
    assert isinstance(wide, Interval)
    assert "discrepancy" in wide.method
    return plain.contains(loss), wide.contains(loss), np.log(wide.high / wide.low) / np.log(plain.high / plain.low)


def test_a_bent_law_is_covered_far_away_only_by_the_widened_interval() -> None:
    """Over 40 other sweeps the plain interval held 68 % and the widened one 93 %."""
    plain, wide, _ = np.mean([far_away(seed, bend=0.02) for seed in range(16)], axis=0)
    assert plain <= 13 / 16
    assert wide >= plain + 2 / 16
    assert wide >= 13 / 16


def test_a_true_law_pays_little() -> None:
    plain, wide, wider = np.mean([far_away(seed, bend=0.0) for seed in range(5)], axis=0)
    assert wide >= plain
    assert 1.0 < wider < 1.7


def test_within_the_runs_nothing_is_widened() -> None:
    found = fitted(0, bend=0.02, n=60)
    known, term = uncertainty(found, "wald"), discrepancy(found)
    assert isinstance(term, Discrepancy)
    inputs = {"n_params": 1e8, "n_tokens": 2e9}
    plain, wide = known.prediction_interval(**inputs), extrapolation_interval(known, term, **inputs)
    assert isinstance(plain, Interval)
    assert isinstance(wide, Interval)
    assert (wide.low, wide.high) == pytest.approx((plain.low, plain.high), rel=1e-12)
    assert term.at(-1.0) == 0.0
    assert term.at(2.0) == pytest.approx(2 * term.per_decade)


def test_a_gross_bend_is_reported_at_its_size() -> None:
    """Losses that turn upwards by a tenth per decade over the last two decades."""
    flops = np.geomspace(1e18, 1e22, 60)
    bend = 10 ** (0.05 * np.maximum(np.log10(flops / 1e20), 0.0))
    runs = RunTable.of(flops=flops, loss=(1.7 + 30 * flops**-0.08) * bend)
    term = discrepancy(fit("power_constant(flops)", runs, starts=8))
    assert isinstance(term, Discrepancy)
    assert 0.05 < term.per_decade < 0.25
    assert f"{100 * term.per_decade:.2g} %" in term.sentence


def test_too_few_runs_leave_no_discrepancy_and_say_why() -> None:
    term = discrepancy(fit("chinchilla", simulated(7), "log_least_squares", starts=8))
    assert isinstance(term, Unavailable)
    assert term.reason


def test_runs_without_noise_drift_by_nothing() -> None:
    n_params = np.repeat([1e7, 3e7, 1e8, 3e8, 1e9], 4)
    n_tokens = n_params * np.tile([5.0, 20.0, 80.0, 160.0], 5)
    loss = bent_loss(n_params, n_tokens, 0.0)
    drift = discrepancy(fit("chinchilla", RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss)))
    assert isinstance(drift, Discrepancy)
    assert drift.per_decade < 1e-9
