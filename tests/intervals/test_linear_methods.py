"""Wald, sandwich, jackknife and profile agree with other programs, with brute force and with their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from scalelaw.fitting import Fit, fit
from scalelaw.intervals import uncertainty
from scalelaw.intervals._linear import Linear, gradient
from scalelaw.intervals.base import as_target
from scalelaw.intervals.sandwich import _robust
from scalelaw.intervals.wald import clustered
from scalelaw.objectives.log_huber import LogHuber
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import chinchilla_loss, simulated
from tests.intervals.test_methods import FAR, made, seeds_of


def working_gradient(fitted: Fit, name: str) -> np.ndarray:
    """The parameter is a working parameter itself, up to the scale its intervals are made on."""
    return np.eye(5)[fitted.law.names.index(name)]


def test_wald_is_the_covariance_of_ordinary_least_squares_at_the_optimum() -> None:
    fitted = made()
    linear = Linear.of(fitted)
    reference = sm.OLS(linear.e, linear.X).fit()
    assert np.abs(reference.params).max() < 1e-6 * np.abs(reference.bse).max()  # at the optimum nothing is left to fit
    for name in ("E", "alpha", "beta"):
        i = fitted.law.names.index(name)
        assert uncertainty(fitted, "wald").standard_error(name) == pytest.approx(reference.bse[i], rel=1e-5)
        answer = uncertainty(fitted, "wald").interval(name)
        assert isinstance(answer, Interval)
        half = stats.t.ppf(0.975, 55) * reference.bse[i]
        assert (answer.low, answer.high) == pytest.approx((answer.estimate - half, answer.estimate + half), rel=1e-5)


def test_sandwich_and_clustered_errors_are_those_of_statsmodels() -> None:
    single, grouped = made(), made(runs=seeds_of(12))
    robust = sm.OLS(Linear.of(single).e, Linear.of(single).X).fit(cov_type="HC2")
    groups = np.array(grouped.runs.group)
    linear = Linear.of(grouped)
    cluster = sm.OLS(linear.e, linear.X).fit(
        cov_type="cluster", cov_kwds={"groups": np.unique(groups, return_inverse=True)[1]}
    )
    for name in ("E", "alpha", "beta"):
        i = single.law.names.index(name)
        assert uncertainty(single, "sandwich").standard_error(name) == pytest.approx(robust.bse[i], rel=1e-5)
        found = clustered(linear, working_gradient(grouped, name))
        assert found == pytest.approx((cluster.bse[i], 11), rel=1e-6)


def test_the_freedom_of_the_sandwich_is_bell_and_mccaffreys() -> None:
    """Against the definition with n x n matrices: se^2 = e'Me with e = (I - H) noise; d = (tr)^2 / tr of the square."""
    fitted = made(runs=seeds_of(9))
    linear = Linear.of(fitted)
    n, c = len(linear.e), working_gradient(fitted, "alpha")
    X = linear.X
    residual_maker = np.eye(n) - X @ np.linalg.solve(X.T @ X, X.T)
    M = np.zeros((n, n))
    weights = X @ np.linalg.solve(X.T @ X, c)
    for rows in linear.rows:
        values, vectors = np.linalg.eigh(residual_maker[np.ix_(rows, rows)])
        a = (vectors / np.sqrt(values)) @ vectors.T @ weights[rows]
        M[np.ix_(rows, rows)] = np.outer(a, a)
    form = residual_maker @ M @ residual_maker
    error, freedom = _robust(linear, c)  # type: ignore[misc]
    assert error == pytest.approx(np.sqrt(linear.e @ M @ linear.e), rel=1e-8)
    assert freedom == pytest.approx(np.trace(form) ** 2 / (form**2).sum(), rel=1e-6)


def test_the_scatter_of_seeds_has_the_freedom_of_their_groups() -> None:
    """Twelve configurations of four seeds each leave 12 - 5 ways for groups to differ."""
    linear = Linear.of(made(runs=seeds_of(12)))
    assert linear.scatter_freedom == pytest.approx(7, abs=0.5)
    assert Linear.of(made()).scatter_freedom == 55


def test_target_gradients_equal_their_closed_form() -> None:
    fitted = made()
    L = fitted.law.derivatives(fitted.theta[None], np.log([[1e10, 1e12]]) - fitted.centre)[1][0, 0]
    found = gradient(FAR, fitted, fitted.theta[None], np.full(5, 1e-5))[0]
    np.testing.assert_allclose(found, L, rtol=1e-6)
    found = gradient(as_target("A", fitted), fitted, fitted.theta[None], np.full(5, 1e-5))[0]
    np.testing.assert_allclose(found, [0, 1, fitted.centre[0], 0, 0], atol=1e-8)


def test_the_jackknife_equals_fits_of_tables_without_each_run() -> None:
    fitted = made(runs=simulated(25))
    n = len(fitted.runs)
    values = []
    for i in range(n):
        values.append(made(runs=fitted.runs.take(np.delete(np.arange(n), i))).value("alpha"))
    expected = np.sqrt((n - 1) / n * ((np.array(values) - np.mean(values)) ** 2).sum())
    assert uncertainty(fitted, "jackknife").standard_error("alpha") == pytest.approx(expected, rel=1e-5)


def test_the_jackknife_leaves_out_blocks_where_runs_are_many() -> None:
    """Six hundred single runs cost four hundred refits, and agree with Wald."""
    fitted = made(runs=simulated(600))
    found = uncertainty(fitted, "jackknife")
    assert "400 blocks" in found.method
    assert found.standard_error("alpha") == pytest.approx(uncertainty(fitted, "wald").standard_error("alpha"), rel=0.15)


@pytest.mark.parametrize("objective", ["log_least_squares", LogHuber(delta=0.006)])
def test_ends_of_a_profile_lie_where_the_best_objective_reaches_the_cut(objective: object) -> None:
    """Another optimiser, alpha fixed at each end: 2 (F - F_min) m = t^2 v there."""
    fitted = fit("chinchilla", simulated(30), objective, starts=16)  # type: ignore[arg-type]
    answer = uncertainty(fitted, "profile").interval("alpha")
    assert isinstance(answer, Interval)
    linear, problem, w = Linear.of(fitted), fitted.problem, fitted.runs.weight
    base = problem.objective(fitted.theta[None], w[None])[0]
    for end in (answer.low, answer.high):

        def best(rest: np.ndarray, end: float = end) -> float:
            return float(problem.objective(np.insert(rest, 2, end)[None], w[None])[0] / base)

        start = np.delete(fitted.theta, 2)
        found = optimize.minimize(
            best,
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20000, "maxfev": 20000},
        )
        rise = 2 * (found.fun - 1) * base * linear.m / linear.variance / linear.m**2
        assert np.sqrt(rise) == pytest.approx(stats.t.ppf(0.975, 25), rel=2e-3)


def test_residuals_that_cancel_within_every_group_are_no_scatter_to_go_by() -> None:
    """Two seeds on either side of the law, both beyond Huber's delta, pull alike: a clustered error of zero is none."""
    N, D = np.exp(np.random.default_rng(5).uniform(17, 22, (2, 12))).repeat(2, axis=1)
    loss = chinchilla_loss(N, D) * np.exp(np.tile([0.004, -0.004], 12))
    runs = RunTable.of(n_params=N, n_tokens=D, loss=loss, group=[f"g{i // 2}" for i in range(24)])
    for method in ("wald", "sandwich", "profile"):
        answer = uncertainty(fit("chinchilla", runs, "log_huber", starts=8), method).interval("alpha")
        assert isinstance(answer, Unavailable), (method, answer)


def test_a_profile_is_curved_where_the_law_is() -> None:
    """With little to hold them the ends of E are uneven, which Wald cannot show."""
    answer = uncertainty(made(runs=simulated(14, noise=0.02, seed=3)), "profile").interval("E")
    assert isinstance(answer, Interval)
    assert answer.estimate - answer.low > 1.2 * (answer.high - answer.estimate)


def test_an_objective_is_narrow_by_its_delta_however_few_the_runs() -> None:
    for n in (12, 40):
        for objective, narrow in (
            ("log_huber", True),
            ("least_absolute", True),
            ("auto", False),
            (LogHuber(delta=0.05), False),
        ):
            for seed in range(5):
                fitted = fit("chinchilla", simulated(n, seed=seed), objective, starts=4)
                assert Linear.of(fitted).narrow is narrow, (n, objective, seed)


def test_a_narrow_quadratic_zone_keeps_an_error_of_the_right_size() -> None:
    """Huber's delta of 1e-3 holds one residual in six; its error is that of the median, pi/2 times the variance."""
    runs = simulated(240)
    squares, narrow = (
        uncertainty(fit("chinchilla", runs, o, starts=16), "wald") for o in ("log_least_squares", "log_huber")
    )
    assert 1.0 < narrow.standard_error("alpha") / squares.standard_error("alpha") < 1.6
