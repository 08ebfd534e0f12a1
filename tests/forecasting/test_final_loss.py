"""Forecasts of final losses where the law is known."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.forecasting import curve_of, forecast
from scalelaw.results import Interval, Unavailable
from tests.forecasting.made import loss_of, made

OTHERS = (made("constant", "constant"), made("cosine", "cosine"), made("step", "step"))
TISSUE = ("tissue",)


def test_a_forecast_without_noise_is_the_law() -> None:
    others = [made(name, name, noise=1e-12) for name in ("constant", "cosine", "step")]
    run = made("run", "late", noise=1e-12)
    found = forecast(run.until(1500), others, laws=TISSUE)
    np.testing.assert_allclose(found.path([2000, 3000]), loss_of(run.rates)[[1999, 2999]], rtol=1e-7)
    assert max(abs(trial.error) for trial in found.trials) < 1e-7


def test_both_laws_forecast_a_late_decay_to_a_fifth_of_a_per_cent() -> None:
    run = made("run", "late")
    found = forecast(run.until(1500), OTHERS)
    assert isinstance(found.loss, Interval)
    assert found.loss.kind == "prediction"
    assert found.loss.contains(loss_of(run.rates)[-1])
    assert abs(found.loss.estimate / loss_of(run.rates)[-1] - 1) < 0.002
    assert set(found.by_law) == {"multi_power", "tissue"}
    assert found.loss.estimate == pytest.approx(np.exp(np.mean(np.log(list(found.by_law.values())))))


def test_a_run_alone_in_the_midst_of_its_decay_is_forecast_from_its_own_past() -> None:
    run = made("run", "cosine")
    found = forecast(run.until(2100), laws=TISSUE)
    assert {trial.kind for trial in found.trials} == {"own past"}
    assert isinstance(found.loss, Interval)
    assert found.loss.contains(loss_of(run.rates)[-1])


def test_a_past_at_a_constant_rate_is_no_trial_of_a_fall_to_come() -> None:
    late, cosine = (
        forecast(made("run", shape).until(1500), OTHERS, laws=TISSUE).trials for shape in ("late", "cosine")
    )
    assert {trial.kind for trial in late} == {"left out"}
    assert {trial.kind for trial in cosine} == {"left out", "own past"}
    assert all(trial.at < trial.of for trial in cosine)


def test_trials_see_nothing_of_what_they_forecast() -> None:
    run = made("run", "late").until(1500)
    before = forecast(run, OTHERS, laws=TISSUE).trials
    moved = curve_of("cosine", OTHERS[1].step, 1.1 * OTHERS[1].loss, OTHERS[1].rates[OTHERS[1].step - 1])
    after = forecast(run, (OTHERS[0], moved, OTHERS[2]), laws=TISSUE).trials
    hidden = [next(t for t in trials if t.curve == "cosine") for trials in (before, after)]
    assert hidden[1].error == pytest.approx(hidden[0].error - np.log(1.1), abs=1e-3)


def test_an_interval_of_a_higher_level_is_wider_around_the_same_estimate() -> None:
    run = made("run", "late")
    at_80, at_95 = (forecast(run.until(1500), OTHERS, laws=TISSUE, level=level).loss for level in (0.8, 0.95))
    assert isinstance(at_80, Interval)
    assert isinstance(at_95, Interval)
    assert at_95.low < at_80.low < at_80.high < at_95.high
    assert at_80.estimate == at_95.estimate


def test_intervals_cover_final_losses_where_the_law_is_true() -> None:
    """Sixteen runs: at 95 % fewer than 12 inside has a chance below one in a thousand."""
    inside = 0
    for seed in range(16):
        others = [made(name, name, seed=seed) for name in ("constant", "cosine", "step")]
        run = made("run", "late", seed=seed)
        loss = forecast(run.until(1500), others, laws=TISSUE).loss
        assert isinstance(loss, Interval)
        inside += loss.contains(float(run.loss[-1]))
    assert inside >= 12


def test_an_unknown_rest_is_refused() -> None:
    known = made("run", "late")
    run = curve_of("run", known.step[:40], known.loss[:40], known.rates[known.step[:40] - 1])
    with pytest.raises(DataError, match=r"goes on after step 1470 is not known\. Next: tell it with --schedule"):
        forecast(run, OTHERS)


def test_a_fall_that_no_curve_shows_is_refused() -> None:
    with pytest.raises(DataError, match="no curve shows what a fall brings"):
        forecast(made("run", "late").until(1500), [OTHERS[0]])


def test_too_few_points_names_alike_and_unknown_laws_are_refused() -> None:
    run = made("run", "cosine")
    with pytest.raises(DataError, match="20 points or more"):
        forecast(run.until(600))
    with pytest.raises(UsageError, match="names of their own"):
        forecast(run.until(1500), [run])
    with pytest.raises(UsageError, match="Known: multi_power, tissue"):
        forecast(run.until(1500), laws=("chinchilla",))


def test_without_anything_to_test_on_there_is_no_interval() -> None:
    run = made("run", "constant")
    few = curve_of("run", run.step[:20], run.loss[:20], run.rates[run.step[:20] - 1])
    few = type(few)(few.name, few.step, few.loss, run.rates)
    loss = forecast(few, laws=TISSUE).loss
    assert isinstance(loss, Unavailable)
    assert "wait" in loss.reason
