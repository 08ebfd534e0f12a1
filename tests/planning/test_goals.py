"""Every goal's N and D are those of its closed form, or of brute force where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import fit
from scalelaw.hardware import cluster
from scalelaw.laws import get_law
from scalelaw.planning import (
    Budget,
    DataLimited,
    FixedParams,
    FixedTokens,
    Goal,
    Serving,
    StepLog,
    WallClock,
    fit_step_time,
    goal_for,
)
from scalelaw.planning.goals import TrainingGoal, data_limited
from scalelaw.planning.landscape import Landscape
from tests.conftest import CHINCHILLA, simulated
from tests.planning.conftest import FIT, HOFFMANN, MUENNIGHOFF, landscape

E, A, ALPHA, B, BETA = (CHINCHILLA[name] for name in ("E", "A", "alpha", "B", "beta"))
LAND = landscape("chinchilla")
LAWS_WITHOUT_A_FORMULA = {"k_power": {}, "farseer": {}, "data_constrained": {"unique_tokens": 3e10}}


def chinchilla_optimum(flops: float) -> tuple[float, float]:
    """Hoffmann et al. 2022, eq. 4."""
    G = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA))
    n_params = G * (flops / 6) ** (BETA / (ALPHA + BETA))
    return n_params, flops / 6 / n_params


def brute_force(goal: Goal, land: Landscape, spend: float) -> tuple[float, float]:
    """The best of 200,001 sizes and its loss; larger ones see too few tokens for some laws to mean anything."""
    sizes = np.geomspace(1e6, 1e12, 200_001)
    losses = np.exp(land.log_loss(sizes, goal.tokens(sizes, spend)))
    return float(sizes[np.argmin(losses)]), float(losses.min())


@pytest.mark.parametrize("flops", [1e18, 1e21, 1e25])
def test_a_budget_has_chinchillas_closed_form(flops: float) -> None:
    assert Budget(spend=flops).answer(LAND) == pytest.approx(chinchilla_optimum(flops), rel=1e-9)


@pytest.mark.parametrize("flops", [1e18, 1e21, 1e25])
def test_the_search_for_laws_without_a_formula_finds_the_closed_form_too(flops: float) -> None:
    assert TrainingGoal.best(Budget(spend=flops), LAND, flops) == pytest.approx(chinchilla_optimum(flops), rel=1e-9)


@pytest.mark.parametrize("loss", [4.0, 2.2, 1.83])
def test_a_target_loss_has_a_closed_form(loss: float) -> None:
    """Where alpha A / N^alpha = beta B / D^beta, the two terms share L - E as beta to alpha."""
    n_params = (A * (1 + ALPHA / BETA) / (loss - E)) ** (1 / ALPHA)
    n_tokens = (B * (1 + BETA / ALPHA) / (loss - E)) ** (1 / BETA)
    assert Budget(loss=loss).answer(LAND) == pytest.approx((n_params, n_tokens), rel=1e-9)


def test_a_fixed_size_leaves_the_tokens() -> None:
    assert FixedParams(n_params=7e9, spend=1e22).answer(LAND) == pytest.approx((7e9, 1e22 / 42e9), rel=1e-12)
    n_tokens = (B / (2.2 - E - A / 7e9**ALPHA)) ** (1 / BETA)
    assert FixedParams(n_params=7e9, loss=2.2).answer(LAND) == pytest.approx((7e9, n_tokens), rel=1e-9)


def test_fixed_tokens_leave_the_size() -> None:
    assert FixedTokens(n_tokens=1e11, spend=1e22).answer(LAND) == pytest.approx((1e22 / 6e11, 1e11), rel=1e-12)
    n_params = (A / (2.2 - E - B / 1e11**BETA)) ** (1 / ALPHA)
    assert FixedTokens(n_tokens=1e11, loss=2.2).answer(LAND) == pytest.approx((n_params, 1e11), rel=1e-9)


@pytest.mark.parametrize("law", ["kaplan", *LAWS_WITHOUT_A_FORMULA])
@pytest.mark.parametrize(
    "make",
    [
        lambda held: Budget(spend=1e22, held=held),
        lambda held: Serving(spend=1e22, served_tokens=1e11, held=held),
    ],
    ids=["budget", "serving"],
)
def test_other_laws_agree_with_brute_force(law: str, make: Callable[[dict[str, float]], Goal]) -> None:
    held = LAWS_WITHOUT_A_FORMULA.get(law, {})
    goal, land = make(held), landscape(law, held=held)
    n_params, n_tokens = goal.answer(land)
    size, loss = brute_force(goal, land, 1e22)
    assert n_params == pytest.approx(size, rel=2e-4)
    assert math.exp(land.at(n_params, n_tokens)) <= loss * (1 + 1e-12)
    assert float(goal.cost(n_params, n_tokens)) == pytest.approx(1e22, rel=1e-12)


@pytest.mark.parametrize("law", ["kaplan", *LAWS_WITHOUT_A_FORMULA])
def test_the_least_compute_for_a_loss_is_the_budget_whose_best_loss_it_is(law: str) -> None:
    held = LAWS_WITHOUT_A_FORMULA.get(law, {})
    land = landscape(law, held=held)
    budget = Budget(spend=1e22, held=held)
    loss = math.exp(land.at(*budget.answer(land)))
    n_params, n_tokens = Budget(loss=loss, held=held).answer(land)
    assert 6 * n_params * n_tokens == pytest.approx(1e22, rel=1e-9)
    assert n_params == pytest.approx(budget.answer(land)[0], rel=1e-7)


def test_sardanas_13b_quality_with_2t_served_tokens() -> None:
    """Sardana et al. 2023, arXiv 2401.00448: a 7B model trained longer saves 1.7e22 FLOP, 17 %."""
    land = landscape("chinchilla", HOFFMANN)
    n_best = 13e9
    G = (0.336 * 406.4 / (0.283 * 410.7)) ** (1 / (0.336 + 0.283))
    flops = 6 * (n_best / G) ** ((0.336 + 0.283) / 0.283)
    loss = math.exp(land.at(n_best, flops / 6 / n_best))
    goal = Serving(served_tokens=2e12, loss=loss)
    n_params, n_tokens = goal.answer(land)
    assert n_params == pytest.approx(6.97e9, rel=2e-3)
    assert n_tokens == pytest.approx(1.25e12, rel=5e-3)
    plain, best = float(goal.cost(n_best, flops / 6 / n_best)), float(goal.cost(n_params, n_tokens))
    assert plain - best == pytest.approx(1.7e22, rel=0.02)
    assert 100 * (1 - best / plain) == pytest.approx(17.4, abs=0.05)


@pytest.mark.parametrize("served", [1e8, 1e12, 1e14, 1e16])
@pytest.mark.parametrize("flops", [1e20, 1.7e22, 2.3e22, 1e25])
def test_a_budget_that_serving_nearly_eats_is_balanced_too(flops: float, served: float) -> None:
    """Lagrange: alpha A N^(-alpha-1) / (6 D + 2 S) = beta B D^(-beta-1) / (6 N), and all is spent."""
    goal = Serving(spend=flops, served_tokens=served)
    N, D = goal.answer(LAND)
    slopes = (ALPHA * A * N ** (-ALPHA - 1) / (6 * D + 2 * served), BETA * B * D ** (-BETA - 1) / (6 * N))
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-8)
    assert float(goal.cost(N, D)) == pytest.approx(flops, rel=1e-12)
    near = goal.best(LAND, flops, N * 1.1)
    assert near == pytest.approx((N, D), rel=1e-8)


def test_serving_dearly_makes_models_smaller_and_trains_them_longer() -> None:
    cheap, dear = (Serving(served_tokens=1e12, loss=2.2, weight=weight).answer(LAND) for weight in (1.0, 4.0))
    assert dear[0] < cheap[0] < Budget(loss=2.2).answer(LAND)[0]
    assert dear[1] > cheap[1] > Budget(loss=2.2).answer(LAND)[1]


@pytest.mark.parametrize(
    ("n_params", "n_tokens", "expected"),
    [(6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)],
)
def test_muennighoffs_two_published_predictions(n_params: float, n_tokens: float, expected: float) -> None:
    """Muennighoff et al. 2023, arXiv 2305.16264: one budget, 25 billion unique tokens."""
    land = landscape("data_constrained", MUENNIGHOFF, {"unique_tokens": 25e9})
    goal = FixedParams(n_params=n_params, spend=6 * n_params * n_tokens, held={"unique_tokens": 25e9})
    assert math.exp(land.at(*goal.answer(land))) == pytest.approx(expected, rel=1e-13)


def test_muennighoffs_optimum_trains_a_smaller_model_for_more_epochs() -> None:
    """Their allocation of that budget, 6.34B parameters for 242B tokens, is within 1e-4 of the best loss."""
    goal = data_limited(get_law("data_constrained"), 25e9, spend=6 * 6.34e9 * 242e9)
    land = landscape("data_constrained", MUENNIGHOFF, goal.held)
    n_params, n_tokens = goal.answer(land)
    size, loss = brute_force(goal, land, 6 * 6.34e9 * 242e9)
    assert n_params == pytest.approx(size, rel=2e-4)
    assert n_params < 8.67e9
    assert n_tokens / 25e9 > 178 / 25
    assert loss <= 2.2256440889984477 <= loss * (1 + 1e-4)


def test_a_cap_on_tokens_leaves_the_budget_to_the_size() -> None:
    free = Budget(spend=1e22).answer(LAND)
    wide = DataLimited(spend=1e22, unique_tokens=free[1] * 1.01, epochs=1.0)
    narrow = DataLimited(spend=1e22, unique_tokens=free[1] / 8, epochs=2.0)
    assert wide.answer(LAND) == free
    assert narrow.answer(LAND) == pytest.approx((free[0] * 4, free[1] / 4), rel=1e-12)


def test_a_loss_under_a_cap_is_reached_by_size_alone() -> None:
    goal = DataLimited(loss=2.2, unique_tokens=2e10, epochs=1.0)
    n_params = (A / (2.2 - E - B / 2e10**BETA)) ** (1 / ALPHA)
    assert goal.answer(LAND) == pytest.approx((n_params, 2e10), rel=1e-8)


def test_a_law_of_repeated_data_is_not_capped_unless_asked() -> None:
    law = get_law("data_constrained")
    assert math.isinf(data_limited(law, 1e9, spend=1e20).most_tokens)
    assert data_limited(law, 1e9, 4.0, spend=1e20).most_tokens == 4e9
    assert data_limited(get_law("chinchilla"), 1e9, spend=1e20).most_tokens == 1e9
    assert "hard cap" in data_limited(get_law("chinchilla"), 1e9, spend=1e20).sentence
    assert "repeats valued by the law" in data_limited(law, 1e9, spend=1e20).sentence


def test_days_are_a_budget_where_a_step_takes_as_long_as_its_arithmetic() -> None:
    """t = 6 N b / 1e14: seven days of four devices are 4 x 7 x 86400 x 1e14 FLOP."""
    sizes = np.geomspace(1e7, 1e9, 8)
    steps = fit_step_time(StepLog(6 * sizes * 1e5 / 1e14, sizes, np.full(8, 1e5), np.full(8, np.nan)))
    goal = WallClock(spend=7.0, steps=steps, devices=4)
    assert goal.answer(LAND) == pytest.approx(chinchilla_optimum(4 * 7 * 86_400 * 1e14), rel=1e-6)
    half = WallClock(spend=14.0, steps=steps, devices=4, efficiency=0.5)
    assert half.answer(LAND) == pytest.approx(goal.answer(LAND), rel=1e-9)


def test_a_fixed_cost_of_every_step_makes_models_larger() -> None:
    """A second spent whatever the size is not saved by a smaller model."""
    sizes = np.geomspace(1e7, 1e9, 8)
    arithmetic = 6 * sizes * 1e5 / 1e14
    logs = [StepLog(arithmetic + extra, sizes, np.full(8, 1e5), np.full(8, np.nan)) for extra in (0.0, 1.0)]
    plain, slow = (WallClock(loss=2.2, steps=fit_step_time(log)).answer(LAND)[0] for log in logs)
    assert slow > 1.02 * plain


@pytest.mark.parametrize(
    "goal", [Budget(loss=1.5), FixedParams(loss=1.95, n_params=1e8), Serving(loss=1.8, served_tokens=1e9)]
)
def test_a_loss_below_what_the_law_allows_has_no_answer(goal: Goal) -> None:
    assert all(math.isnan(value) for value in goal.answer(LAND))
    assert goal.floor(LAND) > (goal.loss or 0.0)


def test_the_words_of_a_question_pick_its_goal() -> None:
    law, eight = get_law("chinchilla"), cluster("8xH100", mfu=0.4)
    assert goal_for(law, flops=1e21) == Budget(spend=1e21)
    assert goal_for(law, days=30.0, cluster=eight) == Budget(spend=8 * 989.4e12 * 0.4 * 30 * 86_400)
    assert goal_for(law, loss=2.0, n_params=1e9) == FixedParams(loss=2.0, n_params=1e9)
    assert goal_for(law, n_tokens=1e9, n_params=1e6) == FixedParams(spend=6e15, n_params=1e6)
    assert goal_for(law, loss=2.0, served_tokens=1e9) == Serving(loss=2.0, served_tokens=1e9)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "found none"),
        ({"flops": 1e21, "loss": 2.0}, "found flops and loss"),
        ({"days": 3.0}, "Next: --gpus"),
        ({"flops": 1e21, "served_tokens": 1e9, "unique_tokens": 1e9}, "one of these at a time"),
        ({"n_params": 1e9, "n_tokens": 1e9, "flops": 1e21}, "the whole plan"),
        ({"flops": 1e21, "epochs": 4.0}, "Next: --unique-tokens"),
        ({"flops": 1e21, "efficiency": 0.9}, "Next: --step-times"),
    ],
)
def test_words_that_say_too_little_or_too_much_are_refused(words: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        goal_for(get_law("chinchilla"), **words)


@pytest.mark.parametrize(
    "make",
    [
        lambda value: Budget(spend=value),
        lambda value: Budget(loss=value),
        lambda value: FixedParams(spend=1e21, n_params=value),
        lambda value: FixedTokens(spend=1e21, n_tokens=value),
        lambda value: Serving(spend=1e21, served_tokens=value),
        lambda value: DataLimited(spend=1e21, unique_tokens=value, epochs=1.0),
    ],
)
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_what_must_be_positive_is_refused_otherwise(make: Callable[[float], Goal], value: float) -> None:
    with pytest.raises(DataError, match="E_NOT_POSITIVE"):
        make(value)


@pytest.mark.parametrize("days", [0.0, -3.0])
def test_days_are_refused_as_days_and_not_as_the_flops_they_would_be(days: float) -> None:
    with pytest.raises(DataError, match=f"column days.*found '{days}'"):
        goal_for(get_law("chinchilla"), days=days, cluster=cluster("8xH100"))


def test_a_budget_beyond_all_arithmetic_is_refused() -> None:
    with pytest.raises(DataError, match=r"1e\+60 at most; found '1e\+300'"):
        Budget(spend=1e300)


def test_one_epoch_is_singular() -> None:
    assert "at most 1 epoch (" in DataLimited(spend=1e22, unique_tokens=1e9, epochs=1.0).sentence
    assert "at most 4 epochs (" in DataLimited(spend=1e22, unique_tokens=1e9, epochs=4.0).sentence


def test_inputs_beside_n_and_d_must_be_given() -> None:
    with pytest.raises(UsageError, match="has no input 'bits'"):
        Budget(spend=1e21, held={"bits": 4.0}).check(FIT)
    mixed = simulated(40)
    with pytest.raises(UsageError, match="fit --law chinchilla"):
        Budget(spend=1e21).check(fit("power_constant", mixed))


@pytest.mark.parametrize("size", [1.154e-135, 1.298e159])
def test_a_size_beyond_all_sense_has_a_least_spending_or_none(size: float) -> None:
    """Ends of an interval that the runs leave open: a law flat in N and D is searched without contradicting itself."""
    values = {"E": 1.9906, "A": 137.285, "alpha": 0.27368, "B": 13317.8, "beta": 0.43755, "R_D": 29.993, "R_N": 22874.5}
    goal = data_limited(get_law("data_constrained"), 1e6, spend=1e22)
    land = landscape("data_constrained", values, goal.held)
    loss = math.exp(land.at(size, float(goal.tokens(size, 1e22))))
    spending = goal.least_spending(land, loss, goal.answer(land))
    assert math.isnan(spending) or spending < 1e22
