"""The critical batch size from steps to a loss."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.forecasting import critical_batch, steps_to_loss
from scalelaw.results import Interval


def test_the_hyperbola_of_steps_and_examples_comes_back() -> None:
    batch = 2.0 ** np.arange(4, 14)
    found = critical_batch(batch, 1000 * (1 + 500 / batch))
    assert found.fit.value("B_crit") == pytest.approx(500, rel=1e-6)
    assert found.fit.value("S_min") == pytest.approx(1000, rel=1e-6)
    S, E = found.fit.value("S_min"), found.e_min
    steps = 1000 * (1 + 500 / batch)
    np.testing.assert_allclose((steps / S - 1) * (steps * batch / E - 1), 1.0, rtol=1e-4)


def test_the_interval_of_the_critical_batch_covers_at_its_level() -> None:
    batch, inside = 2.0 ** np.arange(4, 14), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = critical_batch(batch, 1000 * (1 + 500 / batch) * np.exp(0.05 * rng.normal(size=len(batch))))
        assert isinstance(found.b_crit, Interval)
        inside += found.b_crit.contains(500)
    assert abs(inside / 60 - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 60)


def test_batches_that_tell_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="three batch sizes"):
        critical_batch([16, 16, 32], [100, 101, 80])
    with pytest.raises(DataError, match="should take fewer steps"):
        critical_batch([16, 32, 64], [100, 110, 120])


def test_steps_to_a_loss_lie_between_points_and_may_never_come() -> None:
    assert steps_to_loss([10, 20, 40], [3.0, 2.0, 1.0], 2.0) == pytest.approx(20)
    assert steps_to_loss([10, 20], [3.0, 2.0], 3.5) == 10
    assert np.isnan(steps_to_loss([10, 20], [3.0, 2.0], 1.0))
