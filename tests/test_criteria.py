"""Information criteria: the closed forms where there are some, and the density each objective implies."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.criteria import criteria
from scalelaw.fitting import fit
from scalelaw.objectives.log_huber import LogHuber
from tests.conftest import simulated


def test_least_squares_has_the_gaussian_likelihood() -> None:
    fitted = fit("chinchilla", simulated(40), "log_least_squares", starts=8)
    found, n, k = criteria(fitted), 40, 6
    expected = -0.5 * n * (np.log(2 * np.pi * np.mean(fitted.residuals**2)) + 1)
    assert found.log_likelihood == pytest.approx(expected, rel=1e-9)
    assert found.bic == pytest.approx(k * np.log(n) - 2 * expected)
    assert found.aicc == pytest.approx(2 * k - 2 * expected + 2 * k * (k + 1) / (n - k - 1))


def test_huber_lies_between_laplace_and_gauss() -> None:
    """A delta that no residual reaches is least squares; one that every residual exceeds, least absolute deviations."""
    fitted = fit("chinchilla", simulated(40), LogHuber(delta=1.0), starts=8)
    gauss = criteria(fit("chinchilla", simulated(40), "log_least_squares", starts=8))
    assert criteria(fitted).log_likelihood == pytest.approx(gauss.log_likelihood, rel=1e-6)
    narrow = fit("chinchilla", simulated(40), LogHuber(delta=1e-9), starts=8)
    laplace = -40 * (np.log(2 * np.mean(np.abs(narrow.residuals))) + 1)
    assert criteria(narrow).log_likelihood == pytest.approx(laplace, rel=1e-4)


def test_raw_and_log_residuals_are_judged_on_one_scale() -> None:
    raw, log = (
        criteria(fit("chinchilla", simulated(60), name, starts=8)) for name in ("least_squares", "log_least_squares")
    )
    assert abs(raw.log_likelihood - log.log_likelihood) < 15  # without the Jacobian they would differ by 60 ln 2.4 = 53


def test_few_runs_make_aicc_infinite() -> None:
    assert criteria(fit("chinchilla", simulated(7), "log_least_squares", starts=8)).aicc == np.inf
