"""Schedules are shares of a peak: they rise, stay within [0, 1] and come down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.schedules import lr_share
from runners.spec import TrainSpec


def shares(spec: TrainSpec) -> np.ndarray:
    return np.array([lr_share(spec, step) for step in range(spec.steps)])


def spec_of(steps: int, **fields: object) -> TrainSpec:
    spec = TrainSpec("markov", width=16, depth=1, n_tokens=steps * 64, batch_size=1)
    return TrainSpec(**(spec.as_dict() | fields))


@given(
    steps=st.integers(1, 300),
    schedule=st.sampled_from(["cosine", "wsd"]),
    warmup=st.floats(0, 1),
    cooldown=st.floats(0, 1),
    last=st.floats(0, 1),
)
def test_shares_rise_once_and_fall_once_within_zero_and_one(
    steps: int, schedule: str, warmup: float, cooldown: float, last: float
) -> None:
    spec = spec_of(steps, schedule=schedule, warmup_share=warmup, cooldown_share=cooldown, final_lr_share=last)
    share = shares(spec)
    assert ((share >= 0) & (share <= 1)).all()
    risen = round(spec.warmup_share * steps)
    assert (np.diff(share[:risen]) > 0).all()
    assert (np.diff(share[risen:]) <= 1e-12).all()


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_warm_up_rises_linearly_and_wastes_no_step_at_zero(schedule: str) -> None:
    share = shares(spec_of(100, schedule=schedule, warmup_share=0.1))
    np.testing.assert_allclose(share[:10], np.arange(1, 11) / 11)
    assert share[10] == 1.0


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
@pytest.mark.parametrize("last", [0.0, 0.1])
def test_the_final_share_is_reached_one_step_past_the_last(schedule: str, last: float) -> None:
    spec = spec_of(100, schedule=schedule, final_lr_share=last)
    assert lr_share(spec, spec.steps) == pytest.approx(last, abs=1e-12)
    assert last < lr_share(spec, spec.steps - 1) < last + 0.06


def test_cosine_is_half_a_period_from_the_peak_to_the_final_share() -> None:
    share = shares(spec_of(100, warmup_share=0.0, final_lr_share=0.2))
    np.testing.assert_allclose(share[[0, 25, 50, 75]], 0.6 + 0.4 * np.array([1, 0.5**0.5, 0, -(0.5**0.5)]))


def test_wsd_is_constant_until_its_cooldown_and_linear_in_it() -> None:
    share = shares(spec_of(100, schedule="wsd", warmup_share=0.1, cooldown_share=0.2))
    assert (share[10:81] == 1.0).all()
    np.testing.assert_allclose(share[80:], np.arange(20, 0, -1) / 20)


def test_runs_of_different_length_share_the_trunk_of_wsd() -> None:
    """The rate before the cooldown does not depend on when it comes, given the same warm-up."""
    short = shares(spec_of(100, schedule="wsd", warmup_share=0.1))
    long = shares(spec_of(200, schedule="wsd", warmup_share=0.05))
    np.testing.assert_array_equal(short[:80], long[:80])
