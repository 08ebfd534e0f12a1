"""A plan report gives the answer first, and what being wrong about it costs."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from reports import Report, plan_report
from reports.base import Figure, Points, Quantity, Range, Table
from reports.data import to_json
from reports.plan_sentences import typeset
from reports.wording import ends, quantity, with_interval
from scalelaw.intervals import Draws
from scalelaw.planning.base import Bill, Variant
from scalelaw.results import Unavailable


@pytest.fixture(scope="module")
def page(plan: sl.Plan, draws: Draws) -> Report:
    return plan_report(plan, draws)


def table(report: Report, name: str) -> Table:
    (found,) = (part for part in report.sections if part.name == name)
    assert isinstance(found, Table)
    return found


def names(report: Report) -> list[str]:
    return [part.name for part in report.sections]


def test_the_answer_comes_first_with_its_intervals(page: Report, plan: sl.Plan):
    first = page.sections[0].paragraphs[0]
    assert first.startswith("The least loss for 10²² FLOP")
    assert f"train {with_interval(plan.n_params)} on {with_interval(plan.n_tokens)}" in first
    assert f"{plan.reach.farthest:.1f} decades" in first
    assert names(page)[:5] == ["summary", "plan", "findings", "near_optimal", "costs"]


def test_the_table_holds_every_number_of_the_plan_once(page: Report, plan: sl.Plan):
    rows = {row[0]: row for row in table(page, "plan").rows}
    assert rows["parameters N*"][1:3] == (
        Quantity(plan.n_params.estimate, "parameters"),
        Range(plan.n_params.low, plan.n_params.high, "parameters"),
    )
    assert rows["training compute 6ND"][1:] == (Quantity(1e22, "FLOP"), None, "FLOP", "fixed by what was asked")
    assert "in all" not in rows  # the spending is the training compute


def test_costs_are_the_plans_and_their_diamonds_lie_on_its_curve(page: Report, plan: sl.Plan):
    rows = table(page, "costs").rows
    assert [row[0] for row in rows] == [cost.what for cost in plan.costs]
    assert [row[6].value for row in rows] == pytest.approx([100 * cost.wasted.estimate for cost in plan.costs])
    (figure,) = (part for part in page.sections if part.name == "near_optimal")
    assert isinstance(figure, Figure)
    (diamonds,) = (layer for layer in figure.layers if isinstance(layer, Points))
    np.testing.assert_allclose(diamonds.y, plan.loss_for(np.array(diamonds.x)), rtol=1e-9)
    assert min(diamonds.y) >= plan.loss.estimate


def test_the_summary_says_what_half_and_twice_the_size_waste(page: Report, plan: sl.Plan):
    flat = page.sections[0].paragraphs[1]
    wasted = {cost.what.split()[0]: 100 * cost.wasted.estimate for cost in plan.costs}
    found = re.search(r"half the size wastes ([\d.]+)% of what it takes, twice the size ([\d.]+)%", flat)
    assert found
    assert float(found[1]) == pytest.approx(wasted["half"], rel=0.06)
    assert float(found[2]) == pytest.approx(wasted["twice"], rel=0.06)


def test_money_and_days_are_told_where_the_hardware_is_known(page: Report, plan: sl.Plan, draws: Draws):
    assert "bill" not in names(page)
    bill = Bill(368_640.0, 30.0, 1.1e6, "USD", "a price")
    priced = plan_report(replace(plan, bill=bill), draws)
    rows = {row[0]: row for row in table(priced, "bill").rows}
    assert rows["money"][1] == Quantity(1.1e6, "USD")
    assert "It takes 30 days and 1.1M USD" in priced.sections[0].paragraphs[-1]


def test_a_price_that_is_not_known_is_not_told_as_a_number(plan: sl.Plan, draws: Draws):
    unpriced = plan_report(replace(plan, bill=Bill(10.0, 30.0, math.nan, "USD", "")), draws)
    assert unpriced.sections[0].paragraphs[-1] == "It takes 30 days."


def test_other_assumptions_stand_beside_the_answer(plan: sl.Plan, draws: Draws):
    variant = Variant("MFU 0.3", 1e10, 2e11, 2.0, 7e21, 30.0, None)
    (row,) = table(plan_report(replace(plan, variants=(variant,)), draws), "variants").rows
    assert row == (
        "MFU 0.3",
        Quantity(1e10, "parameters"),
        Quantity(2e11, "tokens"),
        Quantity(2.0),
        Quantity(7e21, "FLOP"),
        Quantity(30.0, "days"),
        None,
    )


def test_an_answer_that_cannot_be_had_says_why(plan: sl.Plan, draws: Draws):
    unknown = Unavailable("N*", "too many replicates have no optimum", "parameters")
    report = plan_report(replace(plan, n_params=unknown, bands=(), costs=()), draws)
    assert "too many replicates have no optimum" in report.sections[0].paragraphs[0]
    assert {"near_optimal", "costs"}.isdisjoint(names(report))


@pytest.mark.parametrize("asked", [{"loss": 2.2}, {"n_params": 1e9, "flops": 1e21}, {"n_tokens": 1e11, "loss": 2.3}])
def test_every_question_has_a_report(asked: dict[str, float], fit: sl.Fit, draws: Draws):
    planned = sl.plan(fit, draws=draws, **asked)
    report = plan_report(planned, draws)
    assert quantity(planned.n_params.estimate, "parameters", 3) in report.sections[0].paragraphs[0]
    assert report.provenance["question"] == planned.goal.sentence


def test_powers_of_ten_are_raised_and_names_are_left_alone():
    assert typeset("1e+22 FLOP of d1e2 at 9.894e+14 FLOP/s") == "10²² FLOP of d1e2 at 9.894×10¹⁴ FLOP/s"


def test_a_plan_for_a_loss_draws_its_sizes_on_its_curve(fit: sl.Fit, draws: Draws):
    plan = sl.plan(fit, loss=2.2, served_tokens=1e11, draws=draws)
    figure = next(f for f in plan_report(plan, draws).figures if f.name == "near_optimal")
    (diamonds,) = (layer for layer in figure.layers if isinstance(layer, Points))
    np.testing.assert_allclose(diamonds.y, plan.loss_for(np.array(diamonds.x)), rtol=1e-9)
    assert "95% interval 2.2 to 2.2" not in plan_report(plan, draws).sections[0].paragraphs[0]


def test_what_was_given_gets_no_interval_and_one_day_is_a_day(fit: sl.Fit, draws: Draws):
    plan = sl.plan(fit, n_params=1e9, flops=1e21, draws=draws)
    first = plan_report(plan, draws).sections[0].paragraphs[0]
    assert "train 1B parameters on 167B tokens." in first
    priced = plan_report(replace(plan, bill=Bill(24.0, 1.0, math.nan, "USD", "")), draws)
    assert priced.sections[0].paragraphs[-1] == "It takes 1 day."


def test_the_sentence_tells_the_drift_where_it_widens_the_interval(plan: sl.Plan, draws: Draws):
    wide = replace(plan.extrapolated, low=0.9 * plan.new_run.low)
    drifting = plan_report(replace(plan, extrapolated=wide), draws).sections[0].paragraphs[0]
    assert f"or {ends(wide)} if the law drifts on" in drifting
    still = plan_report(replace(plan, extrapolated=plan.new_run), draws).sections[0].paragraphs[0]
    assert "drifts" not in still


def test_every_interval_has_the_level_asked_for(fit: sl.Fit, draws: Draws):
    """Of parameters, curves and the plan; 0.999 is not written as 100%."""
    plan = sl.plan(fit, 1e22, draws=draws, level=0.999)
    report = plan_report(plan, draws, level=0.999)
    shown = {row[0]: row for row in table(report, "parameters").rows}
    interval = draws.interval("alpha", 0.999)
    assert table(report, "parameters").columns[2] == "99.9% interval"
    assert shown["alpha"][2] == Range(interval.low, interval.high, interval.unit)
    everything = to_json(report)
    assert "99.9% interval" in everything
    assert "95%" not in everything
    assert "100%" not in everything.replace("100% of", "")


def test_a_size_that_cannot_reach_the_loss_says_so_once(fit: sl.Fit, draws: Draws):
    plan = sl.plan(fit, loss=fit.value("E") + 0.2, draws=draws)
    lost = replace(plan.costs[0], n_tokens=math.nan, loss=math.nan)
    report = plan_report(replace(plan, costs=(lost, *plan.costs[1:])), draws)
    row = table(report, "costs").rows[0]
    assert row[2] == "no number of tokens reaches the loss"
    assert set(row[3:]) == {None}


def test_a_size_that_cannot_spend_the_budget_is_not_said_to_waste_none_of_it(fit: sl.Fit, draws: Draws):
    """Half the size, at the cap of its tokens, spends half as much."""
    plan = sl.plan(fit, 1e22, unique_tokens=1e10, draws=draws)
    wasted = next(cost.wasted for cost in plan.costs if cost.what.startswith("half"))
    assert wasted.estimate < 1e-6
    summary = " ".join(plan_report(plan, draws).sections[0].paragraphs)
    assert "loses at most 0.1% in loss." in summary
    assert "wastes" not in summary
