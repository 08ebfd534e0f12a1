"""The search finds the optimum whatever the start, on a sample of very many runs too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw import searching
from scalelaw.fitting import fit
from scalelaw.objectives.adaptive_huber import EFFICIENT, AdaptiveHuber
from tests.conftest import simulated


def test_starts_polished_on_a_sample_lead_to_the_optimum_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    table = simulated(900)
    whole = fit("chinchilla", table, "log_huber")
    monkeypatch.setattr(searching, "SAMPLE", 300)
    sampled = fit("chinchilla", table, "log_huber")
    assert sampled.certificate.objective == pytest.approx(whole.certificate.objective, rel=1e-12)
    assert "on a sample of 300 runs" in sampled.certificate.outcome
    assert sampled.certificate.converged


def test_delta_follows_the_scatter_of_the_runs() -> None:
    for noise in (0.001, 0.02):
        objective = fit("chinchilla", simulated(300, noise=noise)).objective
        assert isinstance(objective, AdaptiveHuber)
        assert objective.delta == pytest.approx(EFFICIENT * noise, rel=0.2)


def test_outliers_hardly_move_delta_nor_the_estimate() -> None:
    table = simulated(100)
    loss = table.loss.copy()
    loss[:5] *= 1.5
    spoilt = replace(table, loss=loss)
    clean, robust = fit("chinchilla", table), fit("chinchilla", spoilt)
    squares = fit("chinchilla", spoilt, "log_least_squares")
    assert robust.objective.delta == pytest.approx(clean.objective.delta, rel=0.3)  # type: ignore[attr-defined]
    assert abs(robust.value("alpha") - clean.value("alpha")) < 0.2 * abs(squares.value("alpha") - clean.value("alpha"))


def test_few_runs_are_fitted_by_least_squares() -> None:
    assert fit("chinchilla", simulated(19)).objective.name == "log_least_squares"
    assert fit("chinchilla", simulated(20)).objective.name == "adaptive_huber"


def test_the_flattest_direction_is_named_in_words() -> None:
    """A and alpha of a law known over one decade rise together."""
    result = fit("power_constant(n_tokens)", simulated(40, noise=0.05), "log_least_squares")
    assert "A rises" in result.certificate.flattest
    assert "alpha rises" in result.certificate.flattest
    assert np.isfinite(result.certificate.lambda_min)
