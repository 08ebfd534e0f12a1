"""The sensitivity is Wortsman's: what a rate that is off costs, a diverged run counting as untrained."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.probes.lr_sensitivity import lr_sensitivity, sensitivity
from runners.probes.trials import Trial
from scalelaw.errors import DataError, UsageError
from scalelaw.results import Interval, Unavailable


@pytest.mark.parametrize(
    ("losses", "expected"), [((4.5, 4.0, 9.0), 3.5 / 3), ((4.2, 4.0, 4.3), 0.5 / 3), ((4.5, 4.0, math.inf), 3.5 / 3)]
)
def test_the_formula_on_hand_computed_losses(losses: tuple[float, ...], expected: float) -> None:
    assert sensitivity(losses, 7.0) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.floats(0.1, 20.0), min_size=2, max_size=9), st.floats(-0.05, 5.0))
def test_it_is_never_negative_and_shifts_of_all_losses_leave_it(losses: list[float], shift: float) -> None:
    assert sensitivity(losses, 10.0) >= -1e-12
    shifted = [loss + shift for loss in losses]
    assert sensitivity(shifted, 10.0 + shift) == pytest.approx(sensitivity(losses, 10.0), abs=1e-9)


def sweep(seeds: int = 3) -> list[Trial]:
    """Rates 0.1 to 0.4 of two widths, the wider of which diverges at the highest; it alone tried 0.8."""
    losses = {32: {0.1: 4.2, 0.2: 4.0, 0.4: 4.3}, 64: {0.1: 4.5, 0.2: 4.0, 0.4: math.inf, 0.8: math.inf}}
    return [
        Trial("mup", width, lr, seed, loss + 0.01 * seed)
        for width, curve in losses.items()
        for lr, loss in curve.items()
        for seed in range(seeds)
    ]


def test_models_are_compared_over_the_rates_that_all_tried() -> None:
    found = lr_sensitivity(sweep(), 7.0)
    assert found.rates == (0.1, 0.2, 0.4)
    narrow, wide = found.models
    assert narrow.value == pytest.approx(0.5 / 3)
    assert wide.value == pytest.approx((0.5 + (3.0 - 0.01)) / 3)  # the capped loss stays, the best moves with the seed
    assert (narrow.diverged, wide.diverged) == (0, 3)
    assert isinstance(narrow.interval, Interval)
    assert narrow.interval.contains(0.5 / 3)
    assert "mup at width 64 is the most sensitive" in found.sentence


def test_one_seed_gives_a_number_without_an_interval() -> None:
    found = lr_sensitivity(sweep(seeds=1), 7.0)
    assert found.models[0].value == pytest.approx(0.5 / 3)
    assert isinstance(found.models[0].interval, Unavailable)


def test_models_without_a_common_pair_of_rates_are_refused() -> None:
    with pytest.raises(DataError, match="two rates that every width tried; found 0"):
        lr_sensitivity([Trial("mup", 32, 0.1, 0, 4.0), Trial("mup", 64, 0.2, 0, 4.0)], 7.0)


def test_an_initial_loss_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="found 0"):
        lr_sensitivity(sweep(), 0.0)
