"""Slopes are the exponents of power laws, and their verdicts weigh distance from theory against scatter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runners.probes.slopes import Slope, Verdict, fit_slope, worst

WIDTHS = (64, 128, 256, 512)


@pytest.mark.parametrize("exponent", [-1.0, -0.5, 0.0, 0.2, 1.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent: float) -> None:
    sizes_VR = np.array(WIDTHS, dtype=float)[:, None] ** exponent * np.array([1.0, 2.0, 3.0])
    slope = fit_slope(WIDTHS, sizes_VR)
    assert slope.value == pytest.approx(exponent, abs=1e-12)
    assert slope.standard_error == pytest.approx(0.0, abs=1e-12)


def test_the_standard_error_is_that_of_the_mean_over_seeds() -> None:
    exponents = np.array([0.1, 0.2, 0.6])
    slope = fit_slope(WIDTHS, np.array(WIDTHS, dtype=float)[:, None] ** exponents)
    assert slope.value == pytest.approx(0.3)
    assert slope.standard_error == pytest.approx(np.std(exponents, ddof=1) / math.sqrt(3))


@pytest.mark.parametrize(
    ("value", "error", "theory", "verdict"),
    [
        (0.04, 0.01, 0.0, "flat"),
        (-0.53, 0.01, -0.5, "flat"),
        (0.06, 0.01, 0.0, "flat"),  # within two standard errors of the tolerance
        (0.08, 0.01, 0.0, "grows"),
        (-0.08, 0.01, 0.0, "vanishes"),
        (0.0, 0.01, -0.5, "grows"),
        (0.0, 0.06, 0.0, "undecided"),
        (0.6, 0.2, 0.0, "grows"),
        (None, None, 0.0, "flat"),
        (math.inf, None, 0.0, "grows"),
    ],
)
def test_a_verdict_weighs_the_distance_from_theory(
    value: float | None, error: float | None, theory: float, verdict: str
) -> None:
    assert Slope(value, error, theory).verdict is Verdict(verdict)


def test_a_size_of_zero_has_no_slope_and_one_that_overflows_grows() -> None:
    sizes_VR = np.ones((4, 2))
    sizes_VR[2, 0] = 0.0
    assert fit_slope(WIDTHS, sizes_VR) == Slope(None, None)
    sizes_VR[2, 0] = math.inf
    assert fit_slope(WIDTHS, sizes_VR).verdict is Verdict.grows


def test_the_worst_verdict_speaks_for_all() -> None:
    assert worst([Slope(0.0, 0.01), Slope(-1.0, 0.01), Slope(0.0, 0.2)]) is Verdict.vanishes
    assert worst([Slope(0.0, 0.01)]) is Verdict.flat
