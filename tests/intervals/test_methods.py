"""What every method of uncertainty owes: one interface, one answer for one question, a reason where there is none."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from scalelaw.errors import MissingExtraError, UsageError
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import (
    INTERVALS,
    LossAt,
    OptimalExponent,
    OptimalParams,
    OptimalRatio,
    Target,
    interval,
    uncertainty,
)
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, chinchilla_loss, simulated

METHODS = [name for name in INTERVALS.names() if name != "posterior"]
"""The posterior takes seconds and has tests of its own."""
INDEPENDENT_ONLY = {"studentised", "residual"}
FAR = LossAt(n_params=1e10, n_tokens=1e12)
TARGETS: tuple[str | Target, ...] = ("alpha", "A", "E", OptimalExponent(), FAR, OptimalParams(1e22), OptimalRatio(1e22))


def made(law: str = "chinchilla", runs: RunTable | None = None, objective: str = "log_least_squares") -> Fit:
    return fit(law, runs or simulated(60), objective, starts=16)


def seeds_of(configurations: int, seeds: int = 4) -> RunTable:
    """Several seeds of each configuration, which share a group."""
    one = simulated(configurations, noise=0.0)
    index = np.repeat(np.arange(configurations), seeds)
    rng = np.random.default_rng(0)
    noise = 0.005 * rng.standard_normal(configurations)[index] + 0.002 * rng.standard_normal(len(index))
    group = [f"g{i}" for i in index]
    return RunTable.of(
        n_params=one.n_params[index], n_tokens=one.n_tokens[index], loss=one.loss[index] * np.exp(noise), group=group
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("law", ["chinchilla", "kaplan", "power_constant(n_tokens)"])
def test_every_method_surrounds_every_parameter_of_every_law(method: str, law: str) -> None:
    fitted = made(law)
    found = uncertainty(fitted, method, replicates=99)
    for name in fitted.law.names:
        answer = found.interval(name)
        assert isinstance(answer, Interval), (name, answer)
        assert answer.low < answer.high
        assert answer.low <= answer.estimate <= answer.high
        assert found.standard_error(name) == pytest.approx((answer.high - answer.low) / 4, rel=0.6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_agrees_with_wald_where_runs_are_many_and_noise_is_even(method: str) -> None:
    fitted = made(runs=simulated(200))
    wald, found = uncertainty(fitted, "wald"), uncertainty(fitted, method, replicates=399)
    for target in TARGETS:
        expected, answer = wald.interval(target), found.interval(target)
        assert isinstance(expected, Interval)
        assert isinstance(answer, Interval)
        assert answer.estimate == expected.estimate
        assert answer.high - answer.low == pytest.approx(expected.high - expected.low, rel=0.3), target


@pytest.mark.parametrize("method", METHODS)
def test_intervals_widen_with_the_level(method: str) -> None:
    found = uncertainty(made(), method, replicates=199)
    for target in ("alpha", FAR):
        half, most = found.interval(target, 0.5), found.interval(target, 0.99)
        assert isinstance(half, Interval)
        assert isinstance(most, Interval)
        assert most.low < half.low < half.high < most.high


@pytest.mark.parametrize("method", METHODS)
def test_a_new_run_is_less_certain_than_the_law(method: str) -> None:
    found = uncertainty(made(), method, replicates=199)
    law, new = found.interval(FAR), found.prediction_interval(**FAR.inputs)
    assert isinstance(law, Interval)
    assert isinstance(new, Interval)
    assert new.kind == "prediction"
    assert law.kind == "confidence"
    assert new.low < law.low < law.high < new.high
    sigma = np.log(new.high / new.low) / 4
    assert 0.004 < sigma < 0.01  # the noise is 0.005


@pytest.mark.parametrize("method", METHODS)
def test_the_scale_of_the_objective_does_not_matter(method: str) -> None:
    from scalelaw.objectives.log_huber import LogHuber

    runs = simulated(40)
    one, million = (made(runs=runs, objective=LogHuber(delta=0.006, scale=scale)) for scale in (1.0, 1e6))
    for target in ("alpha", FAR):
        a, b = (uncertainty(f, method, replicates=99).interval(target) for f in (one, million))
        assert isinstance(a, Interval)
        assert isinstance(b, Interval)
        assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_groups_that_share_their_noise_widen_the_interval_or_are_refused(method: str) -> None:
    """Four seeds that share most of their noise know hardly more than one."""
    runs = seeds_of(12)
    alone = RunTable.of(n_params=runs.n_params, n_tokens=runs.n_tokens, loss=runs.loss)
    answer = uncertainty(made(runs=runs), method, replicates=199).interval(FAR)
    if method in INDEPENDENT_ONLY:
        assert isinstance(answer, Unavailable)
        assert "share a group" in answer.reason
        return
    blind = uncertainty(made(runs=alone), "wald").interval(FAR)
    assert isinstance(answer, Interval)
    assert isinstance(blind, Interval)
    assert answer.high - answer.low > 1.3 * (blind.high - blind.low)


@pytest.mark.parametrize("method", METHODS)
def test_as_many_groups_as_parameters_leave_nothing_to_judge_groups_by(method: str) -> None:
    answer = uncertainty(made(runs=seeds_of(5)), method, replicates=99).interval(FAR)
    assert isinstance(answer, Unavailable)


@pytest.mark.parametrize("method", METHODS)
def test_an_irreducible_loss_at_its_bound_gets_an_interval_that_starts_there(method: str) -> None:
    rng = np.random.default_rng(1)
    N, D = np.exp(rng.uniform(17, 22, (2, 60)))
    runs = RunTable.of(
        n_params=N, n_tokens=D, loss=400 * N**-0.3 * np.exp(0.01 * rng.standard_normal(60)) + 40 * D**-0.2
    )
    fitted = made(runs=runs)
    assert fitted.certificate.active_bounds == ("E",)
    answer = uncertainty(fitted, method, replicates=99).interval("E")
    if isinstance(answer, Unavailable):
        assert method == "bca"  # every replicate on one side
        return
    assert answer.low == 0.0
    assert 0 <= answer.high < 1.0


def test_auto_says_what_it_chose_and_why() -> None:
    for runs, chosen, why in (
        (simulated(12), "Wald", "fewer than 20"),
        (simulated(60), "sandwich, HC2", "even and uneven noise"),
        (seeds_of(12), "sandwich, CR2", "share groups"),
    ):
        method = uncertainty(made(runs=runs)).method
        assert method.startswith(chosen)
        assert why in method.split("; chosen because ")[1]
    narrow = uncertainty(made(runs=simulated(60), objective="log_huber")).method
    assert narrow.startswith("jackknife")
    assert "quadratic zone" in narrow


def test_interval_is_the_uncertainty_asked_once() -> None:
    fitted = made()
    assert interval(fitted, "alpha", method="jackknife") == uncertainty(fitted, "jackknife").interval("alpha")
    assert interval(fitted, "alpha") == uncertainty(fitted, "auto").interval("alpha")


def test_misuse_is_answered_with_what_is_known() -> None:
    fitted = made()
    with pytest.raises(UsageError, match=r"Unknown interval method 'magic'. Known: auto, bca, bootstrap, "):
        interval(fitted, "alpha", method="magic")
    with pytest.raises(UsageError, match="Known: E, A, alpha, B, beta"):
        interval(fitted, "gamma")
    with pytest.raises(UsageError, match="between 0 and 1"):
        interval(fitted, "alpha", level=95)


def test_every_method_describes_itself_in_a_line() -> None:
    for kind in INTERVALS:
        assert 20 < len(kind.description) < 110, kind.name
        assert "\n" not in kind.description


def test_the_optimal_exponent_of_chinchilla_is_beta_over_the_sum() -> None:
    fitted = made()
    alpha, beta = fitted.value("alpha"), fitted.value("beta")
    for flops in (None, 1e25):
        value = OptimalExponent(flops).evaluate(fitted, fitted.natural[None])[0]
        assert value == pytest.approx(beta / (alpha + beta), rel=1e-9)


def test_a_missing_posterior_names_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'scalelaw\[posterior\]'"):
        uncertainty(made(), "posterior")


def test_runs_that_lie_on_the_law_exactly_have_intervals_of_no_width_or_a_reason() -> None:
    N, D = np.exp(np.random.default_rng(0).uniform(17, 22, (2, 40)))
    fitted = made(runs=RunTable.of(n_params=N, n_tokens=D, loss=chinchilla_loss(N, D)))
    for method in METHODS:
        answer = uncertainty(fitted, method, replicates=49).interval("alpha")
        if isinstance(answer, Interval):
            assert answer.high - answer.low < 1e-6
            assert answer.estimate == pytest.approx(CHINCHILLA["alpha"], abs=1e-6)
