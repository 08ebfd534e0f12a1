"""Errors of a task from the loss, and from N and D in two steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.loss2loss import downstream
from scalelaw.results import Interval
from tests.loss2loss.sweeps import loss_x, sweeps

CURVES = {
    "exponential": lambda loss: 0.75 - 3.0 * np.exp(-1.0 * loss),
    "sigmoid": lambda loss: 0.1 + 0.6 / (1 + np.exp(2.0 * (2.6 - loss))),
}


def graded(link: str, noise: float = 0.0) -> sl.RunTable:
    x, _ = sweeps(noise)
    errors = CURVES[link](x.loss) * np.exp(3 * noise * np.random.default_rng(2).standard_normal(len(x)))
    return replace(x, extras={"wrong": errors})


@pytest.mark.parametrize("link", CURVES)
def test_a_true_link_predicts_the_error_of_a_larger_model(link: str) -> None:
    found = downstream(graded(link), "wrong", link, starts=16)  # type: ignore[arg-type]
    loss = loss_x(np.array(3e9), np.array(1e11))
    interval = found.interval(3e9, 1e11, replicates=20)
    assert found.from_loss(float(loss)) == pytest.approx(float(CURVES[link](loss)), rel=1e-4)
    assert isinstance(interval, Interval)
    assert interval.estimate == pytest.approx(float(CURVES[link](loss)), rel=1e-4)


def test_both_steps_widen_the_interval() -> None:
    """Noise in the losses alone, and in the errors too."""
    quiet, loud = (downstream(graded("exponential", noise), "wrong", starts=8) for noise in (0.001, 0.004))
    a, b = (found.interval(3e9, 1e11, replicates=60) for found in (quiet, loud))
    assert isinstance(a, Interval)
    assert isinstance(b, Interval)
    assert 2 < (b.high - b.low) / (a.high - a.low) < 8


def test_an_accuracy_in_percent_is_refused_with_its_value() -> None:
    x, _ = sweeps()
    with pytest.raises(sl.DataError, match=r"above 0 and at most 1; found '42\.0'"):
        downstream(replace(x, extras={"wrong": np.full(len(x), 42.0)}), "wrong")


def test_an_unknown_link_is_answered_with_the_known_ones() -> None:
    with pytest.raises(sl.UsageError, match="exponential, sigmoid"):
        downstream(graded("sigmoid"), "wrong", "linear")  # type: ignore[arg-type]
