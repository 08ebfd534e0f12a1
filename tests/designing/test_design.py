"""A design keeps to its limits, is the best of its criterion, and is better than the grid it is compared with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalelaw as sl
from scalelaw.designing import CRITERIA, Design, Layout, design, parse_target
from scalelaw.designing.aims import aim
from scalelaw.designing.belief import believe
from scalelaw.designing.comparison import information, inverse
from scalelaw.designing.design import default_largest, default_smallest
from scalelaw.errors import UsageError
from tests.conftest import simulated
from tests.designing.conftest import BUDGET, LARGEST, TARGETS, pilots


@pytest.fixture(scope="module")
def designs(prior: sl.Fit) -> dict[str, Design]:
    return {name: design(prior, BUDGET, largest=LARGEST, criterion=name, draws=12) for name in CRITERIA.names()}


def test_designs_keep_to_every_limit(designs: dict[str, Design]) -> None:
    for made in designs.values():
        layout = made.layout
        assert layout.runs == 15
        assert layout.cost <= BUDGET
        assert layout.distinct >= 5 + 3
        assert (layout.flops <= LARGEST * (1 + 1e-9)).all()
        assert (layout.flops >= made.smallest * (1 - 1e-9)).all()
        assert (np.diff(np.round(np.log(layout.flops), 6)) >= 0).all()
        assert ((layout.n_tokens / layout.n_params > 1 - 1e-9) & (layout.n_tokens / layout.n_params < 2000.1)).all()
        assert len(layout.each_run()) == 15


def test_each_design_is_the_best_of_all_by_its_own_criterion(prior: sl.Fit, designs: dict[str, Design]) -> None:
    belief, aims = aim(believe(prior, 12, 0, TARGETS), TARGETS)

    def value(name: str, layout: Layout) -> float:
        return CRITERIA[name].value(inverse(belief.information + information(belief, layout)), aims)

    for name, made in designs.items():
        own = value(name, made.layout)
        for other in designs.values():
            assert own <= value(name, other.layout) + 0.01, (name, other.criterion)
        assert own < value(name, made.reference) - 0.1


def test_the_default_design_halves_what_the_grid_leaves(designs: dict[str, Design]) -> None:
    for gain in designs["compound"].verdict.gains:
        assert gain.ratio < 0.6
        assert gain.low <= gain.ratio <= gain.high
        assert gain.compute > 2


def test_the_grid_costs_what_the_design_costs(designs: dict[str, Design]) -> None:
    for made in designs.values():
        assert made.reference.cost == pytest.approx(made.layout.cost)


def test_the_same_seed_gives_the_same_design(prior: sl.Fit, designs: dict[str, Design]) -> None:
    again = design(prior, BUDGET, largest=LARGEST, draws=12)
    assert again.layout.each_run() == designs["compound"].layout.each_run()
    assert again.verdict == designs["compound"].verdict


def test_standing_alone_a_design_determines_the_law_by_itself(prior: sl.Fit) -> None:
    made = design(prior, BUDGET, largest=LARGEST, alone=True, draws=12)
    N, D = np.array(made.layout.each_run()).T
    fit = sl.fit("chinchilla", sl.RunTable.of(n_params=N, n_tokens=D, loss=prior.predict(n_params=N, n_tokens=D)))
    assert fit.value("alpha") == pytest.approx(prior.value("alpha"), rel=1e-6)
    assert all(gain.now is None for gain in made.verdict.gains)


def test_more_budget_never_leaves_more_variance(prior: sl.Fit) -> None:
    errors = []
    for budget in (3e19, 1e20, 3e20):
        made = design(prior, budget, largest=LARGEST, draws=8)
        errors.append([gain.design for gain in made.verdict.gains])
    assert (np.diff(np.array(errors), axis=0) < 0).all()


@pytest.mark.parametrize("law", ["chinchilla_tied", "k_power", "kaplan"])
def test_any_law_with_a_best_size_can_be_designed_for(law: str) -> None:
    runs = simulated(40, noise=0.004)
    fit = sl.fit(law, runs, starts=16)
    made = design(fit, 1e22, draws=6)
    assert made.layout.distinct >= len(fit.law.params) + 3
    assert all(np.isfinite([gain.ratio, gain.design, gain.grid]).all() for gain in made.verdict.gains)


@settings(max_examples=5, deadline=None)
@given(
    log_budget=st.floats(18.5, 22.0), points=st.integers(1, 20), high=st.floats(30.0, 5000.0), seed=st.integers(0, 99)
)
def test_no_request_is_answered_beyond_its_limits(log_budget: float, points: int, high: float, seed: int) -> None:
    fit = sl.fit("chinchilla", pilots(), starts=4)
    budget = 10**log_budget
    if points * default_smallest(fit, default_largest(budget)) > budget:
        with pytest.raises(UsageError, match="more than the budget"):
            design(fit, budget, points=points, ratios=(5.0, high), draws=3)
        return
    made = design(fit, budget, points=points, ratios=(5.0, high), draws=3, seed=seed)
    assert made.layout.cost <= budget * (1 + 1e-9)
    assert made.layout.runs == points
    assert made.layout.distinct >= min(points, 8) or any(f.code == "W_FEW_POINTS" for f in made.findings)
    assert (made.layout.n_tokens / made.layout.n_params <= high * 1.001).all()


def test_few_points_and_money_left_over_are_told(prior: sl.Fit) -> None:
    codes = {finding.code for finding in design(prior, 1e21, points=6, largest=1e19, draws=3).findings}
    assert {"W_FEW_POINTS", "I_UNSPENT"} <= codes


def test_runs_far_from_those_fitted_are_told(prior: sl.Fit) -> None:
    told = [f for f in design(prior, BUDGET, largest=LARGEST, draws=3).findings if f.code == "W_DESIGN_RANGE"]
    assert told
    assert "the law was fitted to" in told[0].message


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"budget": 0.0}, "positive number of FLOP"),
        ({"budget": float("inf")}, "positive number of FLOP"),
        ({"points": 0}, "at least one run"),
        ({"ratios": (10.0, 1.0)}, "D/N lies between"),
        ({"smallest": 1e19, "largest": 1e18}, "--smallest or --largest"),
        ({"budget": 1e18, "largest": 1e18, "smallest": 1e17}, "fewer --points"),
        ({"targets": ["far"]}, "100x"),
        ({"targets": ["-3x"]}, "positive"),
        ({"criterion": "A"}, "Unknown design criterion 'A'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_next_step(prior: sl.Fit, asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        design(prior, **({"budget": BUDGET, "largest": LARGEST, "draws": 2} | asked))  # type: ignore[arg-type]


def test_targets_are_flop_or_multiples_of_the_largest_run() -> None:
    assert parse_target("100x", 3e19) == pytest.approx(3e21)
    assert parse_target(1e22, 3e19) == 1e22


def test_draws_under_which_a_law_has_no_finite_loss_are_left_out() -> None:
    """Farseer's law overflows for some of what these runs allow."""
    made = design(sl.fit("farseer", sl.read_runs(sl.shipped("markov"))), 1e15, draws=8)
    assert 1 <= made.draws <= 8
    assert all(np.isfinite([gain.design, gain.grid, gain.ratio]).all() for gain in made.verdict.gains)
