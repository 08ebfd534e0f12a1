"""Plans: intervals around every number, the cost of being wrong, bills, variants, and what they beware of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import fit
from scalelaw.hardware import cluster
from scalelaw.intervals import bootstrap
from scalelaw.planning import Budget, Plan, Serving, StepLog, fit_step_time, plan
from scalelaw.planning.landscape import Landscape
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import chinchilla_loss, simulated
from tests.planning.conftest import FIT

DRAWS = bootstrap(FIT, 100)
EIGHT = cluster("8xH100", mfu=0.4, price=2.0)


def estimate(answer: object) -> float:
    assert isinstance(answer, Interval), answer
    return answer.estimate


def test_plan_agrees_with_brute_force() -> None:
    result = plan(FIT, 1e22, draws=DRAWS)
    sizes = np.exp(np.linspace(np.log(1e8), np.log(1e12), 40_001))
    losses = FIT.predict(n_params=sizes, n_tokens=1e22 / 6 / sizes)
    best = int(np.argmin(losses))
    assert estimate(result.n_params) == pytest.approx(sizes[best], rel=1e-3)
    assert estimate(result.loss) == pytest.approx(losses[best], rel=1e-9)
    for band in result.bands:
        near = sizes[losses <= losses[best] * (1 + band.excess)]
        assert band.n_params_low == pytest.approx(near.min(), rel=1e-3)
        assert band.n_params_high == pytest.approx(near.max(), rel=1e-3)


@pytest.mark.parametrize(
    "words",
    [
        {"flops": 1e22},
        {"loss": 2.2},
        {"loss": 2.2, "served_tokens": 1e12},
        {"flops": 1e22, "served_tokens": 1e11},
    ],
    ids=str,
)
def test_every_number_has_an_interval_around_it(words: dict[str, float]) -> None:
    result = plan(FIT, **words)
    exact = result.goal.given
    for name in ("n_params", "n_tokens", "tokens_per_param", "loss", "training", "spent", "new_run"):
        answer = getattr(result, name)
        assert isinstance(answer, Interval), (name, answer)
        if name in exact:
            assert answer.low == answer.estimate == answer.high == exact[name]
        else:
            assert answer.low < answer.estimate < answer.high, name
    for cost in result.costs:
        assert isinstance(cost.wasted, Interval)
        assert 0 <= cost.wasted.low <= cost.wasted.estimate <= cost.wasted.high <= 1


def test_the_default_and_the_bootstrap_agree_about_a_plan() -> None:
    """Ends of both 95 % intervals within a quarter of their width of one another."""
    for words in ({"flops": 1e22}, {"loss": 2.2, "served_tokens": 1e12}):
        one, other = plan(FIT, **words), plan(FIT, draws=DRAWS, **words)
        for name in ("n_params", "n_tokens", "training"):
            a, b = getattr(one, name), getattr(other, name)
            width = math.log(a.high / a.low)
            assert math.log(a.low / b.low) == pytest.approx(0, abs=width / 4 + 1e-12)
            assert math.log(a.high / b.high) == pytest.approx(0, abs=width / 4 + 1e-12)


@pytest.mark.parametrize("words", [{"flops": 1e22}, {"loss": 2.2}, {"flops": 1e23, "served_tokens": 1e11}], ids=str)
def test_the_share_wasted_and_what_makes_up_for_it_keep_their_word(words: dict[str, float]) -> None:
    """The best size finds the same loss for 1 - wasted of the spending; this size the plan's loss for `extra` more."""
    result = plan(FIT, **words)
    goal, least, land = result.goal, estimate(result.loss), Landscape(FIT.law, FIT.natural, {})
    for cost in result.costs:
        spending = float(goal.cost(cost.n_params, cost.n_tokens))
        enough = replace(goal, spend=spending * (1 - estimate(cost.wasted)), loss=None)
        assert math.exp(land.at(*enough.answer(land))) == pytest.approx(cost.loss, rel=1e-9)
        tokens = goal.tokens(cost.n_params, estimate(result.spent) + cost.extra)
        assert FIT.predict(n_params=cost.n_params, n_tokens=tokens)[0] == pytest.approx(least, rel=1e-9)
        assert FIT.predict(n_params=cost.n_params, n_tokens=cost.n_tokens)[0] == pytest.approx(cost.loss, rel=1e-12)


def test_a_size_that_may_be_the_best_may_cost_nothing() -> None:
    result = plan(FIT, 1e22)
    costs = {cost.what: cost for cost in result.costs}
    assert list(costs) == ["half the size", "twice the size", "low end of N*", "high end of N*"]
    for what in ("low end of N*", "high end of N*"):
        assert isinstance(costs[what].wasted, Interval)
        assert costs[what].wasted.low == 0
    half = costs["half the size"]
    assert isinstance(half.loss_lost, Interval)
    assert half.loss_lost.low > 0
    assert half.loss_lost.estimate == pytest.approx(half.loss - estimate(result.loss))


def test_a_size_too_small_for_the_loss_never_makes_up_for_it() -> None:
    half = plan(FIT, loss=1.9, served_tokens=1e15).costs[0]
    assert math.isinf(half.extra)
    assert isinstance(half.wasted, Unavailable)


def test_a_fixed_size_has_nothing_to_be_wrong_about() -> None:
    result = plan(FIT, n_params=7e9, loss=2.2)
    assert result.costs == result.bands == ()
    assert estimate(result.n_params) == 7e9
    assert isinstance(result.n_tokens, Interval)
    assert result.n_tokens.low < result.n_tokens.estimate


def test_a_smaller_size_under_a_cap_spends_less_and_wastes_nothing() -> None:
    """At the cap on tokens half the size cannot use more than half the budget."""
    result = plan(FIT, 1e22, unique_tokens=1e9, cluster=EIGHT)
    half = next(cost for cost in result.costs if cost.what == "half the size")
    assert half.n_tokens == 1e9
    assert estimate(half.wasted) == pytest.approx(0.0, abs=1e-9)
    assert half.money == pytest.approx(0.0, abs=1.0)
    assert estimate(half.loss_lost) > 0


def test_what_a_size_wastes_where_serving_is_most_of_the_cost_follows_from_brute_force() -> None:
    """The least spending whose best loss is that of half the size."""
    result = plan(FIT, 1e22, served_tokens=1e12)
    half = next(cost for cost in result.costs if cost.what == "half the size")
    tokens = np.geomspace(1e8, 1e13, 4001)

    def best(spend: float) -> float:
        return float(FIT.predict(n_params=spend / (6 * tokens + 2e12), n_tokens=tokens).min())

    low, high = 1e21, 1e22
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if best(middle) > half.loss else (low, middle)
    assert estimate(half.wasted) == pytest.approx(1 - low / 1e22, rel=1e-3)


@pytest.mark.parametrize(
    "words", [{"flops": 1e-3}, {"flops": 1e15, "n_params": 1e20}, {"flops": 1e15, "served_tokens": 1e20}], ids=str
)
def test_less_than_one_parameter_or_token_is_no_plan(words: dict[str, float]) -> None:
    with pytest.raises(DataError, match=r"no less than one of either.*Next: give a larger budget.*E_UNREACHABLE"):
        plan(FIT, **words)


def test_a_law_that_falls_with_one_of_both_alone_has_no_plan() -> None:
    one_sided = replace(FIT, theta=FIT.law.working(np.array([[1.7, 400.0, 0.34, 400.0, -0.2]]), FIT.centre)[0])
    with pytest.raises(DataError, match=r"no N and D balance.*Next: fix --n-params"):
        plan(one_sided, 1e22, draws=DRAWS)


def test_a_plan_far_below_the_runs_warns_with_the_decades() -> None:
    found = {finding.code: finding.message for finding in plan(FIT, 1e8, draws=DRAWS).findings}
    assert "below the smallest runs, in decades: N " in found["W_EXTRAPOLATION"]


def test_answers_that_lack_an_interval_for_one_reason_are_warned_about_once() -> None:
    noisy = fit("chinchilla", simulated(12, noise=0.05))
    result = plan(noisy, loss=1.0001 * noisy.value("E"))
    missing = [finding.message for finding in result.findings if finding.code == "W_NO_INTERVAL"]
    assert len(missing) == len({message.partition(": ")[2] for message in missing}) >= 1


def test_a_price_nobody_knows_is_missing_and_no_interval() -> None:
    unknown = plan(FIT, loss=2.2, cluster=cluster("8xChip", peak=1e14))
    assert unknown.bill is not None
    assert isinstance(unknown.bill.money, float)
    assert math.isnan(unknown.bill.money)


def test_a_plan_far_beyond_the_runs_warns_with_the_ratio_of_compute() -> None:
    largest = float((6 * FIT.runs.n_params * FIT.runs.n_tokens).max())
    near, far = plan(FIT, largest * 10, draws=DRAWS), plan(FIT, largest * 1e6, draws=DRAWS)
    assert near.reach.flops == pytest.approx(1.0)
    assert "W_EXTRAPOLATION" not in [finding.code for finding in near.findings]
    (warning,) = [finding for finding in far.findings if finding.code == "W_EXTRAPOLATION"]
    assert "1e+06x the largest compute" in warning.message
    assert isinstance(far.n_params, Interval)


@pytest.mark.parametrize("budget", [0.0, -1e20, float("nan"), float("inf")])
def test_an_impossible_budget_is_refused_by_name(budget: float) -> None:
    with pytest.raises(DataError, match="column budget_flops: a budget must be a positive number of FLOP") as refused:
        plan(FIT, budget, draws=DRAWS)
    assert refused.value.code == "E_NOT_POSITIVE"


def test_a_loss_below_the_irreducible_one_is_refused_with_its_interval() -> None:
    with pytest.raises(DataError, match=r"a loss of 1.5 nats/token.*E is 1\.8.* \[1\.\d+, 1\.\d+\]") as refused:
        plan(FIT, loss=1.5)
    assert refused.value.code == "E_UNREACHABLE"


def test_a_loss_that_a_fixed_size_never_reaches_is_refused() -> None:
    with pytest.raises(DataError, match=r"goes no lower than 2\.6"):
        plan(FIT, loss=2.2, n_params=1e8)


def test_a_law_of_one_variable_has_no_plan_and_says_which_do() -> None:
    with pytest.raises(UsageError, match="fit --law chinchilla"):
        plan(fit("power_constant", simulated()), 1e21)


def test_a_law_with_own_parameters_is_planned_for_one_of_its_data_sets() -> None:
    runs = replace(simulated(60), extras={"dataset": np.array(["a", "b"] * 30)})
    shared = fit("chinchilla{E by dataset: a, b}", runs)
    result = plan(shared, 1e22, held={"dataset": "b"})
    assert result.inputs["dataset"] == "b"
    assert estimate(result.loss) == pytest.approx(float(shared.predict(**result.inputs)[0]), rel=1e-9)


def test_days_on_devices_are_a_budget_and_a_bill() -> None:
    result = plan(FIT, days=30, cluster=EIGHT)
    assert result.flops == pytest.approx(8 * 989.4e12 * 0.4 * 30 * 86_400)
    assert result.bill is not None
    assert result.bill.days == pytest.approx(30)
    assert result.bill.device_hours == pytest.approx(8 * 30 * 24)
    assert result.bill.money == pytest.approx(8 * 30 * 24 * 2)
    for cost in result.costs:
        assert isinstance(cost.wasted, Interval)
        assert cost.money == pytest.approx(cost.wasted.estimate * 8 * 30 * 24 * 2)


def test_the_bill_of_a_loss_has_the_interval_of_its_compute() -> None:
    result = plan(FIT, loss=2.2, cluster=EIGHT)
    assert result.bill is not None
    assert isinstance(result.bill.money, Interval)
    assert isinstance(result.training, Interval)
    for end in ("estimate", "low", "high"):
        hours = getattr(result.training, end) / (989.4e12 * 0.4) / 3600
        assert getattr(result.bill.money, end) == pytest.approx(hours * 2)


def test_other_utilisations_show_another_plan_for_days_and_other_days_for_a_loss() -> None:
    by_days, by_loss = (plan(FIT, cluster=EIGHT, **words) for words in ({"days": 30}, {"loss": 2.2}))
    low, high = by_days.variants
    assert (low.assumed, high.assumed) == ("MFU 0.3", "MFU 0.5")
    assert low.flops == pytest.approx(by_days.flops * 0.3 / 0.4)
    assert low.n_params < estimate(by_days.n_params) < high.n_params
    assert low.days == pytest.approx(30)
    low, high = by_loss.variants
    assert low.n_params == high.n_params == estimate(by_loss.n_params)
    assert low.days == pytest.approx(high.days * 0.5 / 0.3)


def test_wall_clock_plans_show_both_ends_of_the_step_time() -> None:
    sizes = np.geomspace(1e7, 3e8, 8)
    wobble = np.exp(0.05 * np.random.default_rng(0).standard_normal(8))
    log = StepLog((0.05 + 6 * sizes * 1e5 / 1e14) * wobble, sizes, np.full(8, 1e5), np.full(8, np.nan))
    result = plan(FIT, days=30, cluster=EIGHT, steps=fit_step_time(log))
    fast, slow = result.variants
    assert slow.n_params < estimate(result.n_params) < fast.n_params
    assert fast.days == slow.days == pytest.approx(30)
    assert result.bill is not None
    assert result.bill.device_hours == pytest.approx(8 * 30 * 24)
    assert estimate(result.spent) == 30
    assert "W_STEP_TIME" in [finding.code for finding in result.findings]


def test_a_cap_cuts_the_interval_of_tokens_off() -> None:
    free = plan(FIT, 1e22)
    assert isinstance(free.n_tokens, Interval)
    inside = plan(FIT, 1e22, unique_tokens=(free.n_tokens.estimate + free.n_tokens.high) / 2)
    below = plan(FIT, 1e22, unique_tokens=free.n_tokens.low / 2)
    assert isinstance(inside.n_tokens, Interval)
    assert isinstance(inside.n_params, Interval)
    assert inside.n_tokens.high == inside.goal.most_tokens
    assert inside.n_tokens.low == pytest.approx(free.n_tokens.low, rel=1e-9)
    assert inside.n_params.low == pytest.approx(1e22 / 6 / inside.goal.most_tokens)
    assert isinstance(below.n_tokens, Interval)
    assert below.n_tokens.low == below.n_tokens.high == free.n_tokens.low / 2


def test_repeats_that_the_law_knows_nothing_of_are_warned_about() -> None:
    codes = [
        {finding.code for finding in plan(FIT, 1e22, unique_tokens=1e10, epochs=epochs).findings} for epochs in (1, 4)
    ]
    assert "W_REPEATS" not in codes[0]
    assert "W_REPEATS" in codes[1]


def test_tokens_and_losses_for_other_sizes_follow_the_goals_spending() -> None:
    result = plan(FIT, goal=Serving(spend=1e23, served_tokens=1e11))
    sizes = np.array([1e10, 2e10])
    assert 6 * sizes * result.tokens_for(sizes) + 2e11 * sizes == pytest.approx([1e23] * 2)
    assert result.loss_for(sizes) == pytest.approx(FIT.predict(n_params=sizes, n_tokens=result.tokens_for(sizes)))


def isoflop_runs(shift: float = 0.0, noise: float = 0.001) -> RunTable:
    """Nine sizes at each of twelve budgets; `shift` tilts the losses, so that smaller sizes look better."""
    flops = np.repeat(np.geomspace(1e18, 1e21, 12), 9)
    offset = np.tile(np.linspace(-1.2, 1.2, 9), 12)
    n_params = 0.09 * (flops / 6) ** 0.5127 * np.exp(offset)
    rng = np.random.default_rng(0)
    loss = chinchilla_loss(n_params, flops / 6 / n_params) * np.exp(noise * rng.standard_normal(108) + shift * offset)
    return RunTable.of(n_params=n_params, flops=flops, loss=loss)


def roads(result: Plan) -> dict[int, Interval]:
    found = {road.number: road.n_params for road in result.roads}
    assert all(isinstance(answer, Interval) for answer in found.values()), found
    return found  # type: ignore[return-value]


def test_the_three_approaches_stand_side_by_side_where_all_can_be_made() -> None:
    runs = isoflop_runs()
    result = plan(fit("chinchilla", runs), 1e22)
    found = roads(result)
    assert list(found) == [1, 2, 3]
    truth = estimate(plan(FIT, 1e22).n_params)
    for answer in found.values():
        assert answer.estimate == pytest.approx(truth, rel=0.6)
    assert found[3] == replace(result.n_params, target="N_opt")
    assert "W_APPROACHES_DISAGREE" not in [finding.code for finding in result.findings]


def test_approaches_that_disagree_beyond_their_intervals_are_warned_about() -> None:
    """The same runs, but the law is told that every size beyond a budget's middle is dearer."""
    runs = isoflop_runs()
    crooked = fit("chinchilla", isoflop_runs(shift=0.02))
    result = plan(replace(crooked, runs=runs), 1e22, approaches=[2])
    assert list(roads(result)) == [2, 3]
    assert "W_APPROACHES_DISAGREE" in [finding.code for finding in result.findings]


def test_approaches_1_and_2_answer_budgets_only() -> None:
    with pytest.raises(UsageError, match="Next: --flops"):
        plan(FIT, loss=2.2, approaches=[2])
    assert plan(FIT, goal=Budget(spend=1e22)).roads == ()
