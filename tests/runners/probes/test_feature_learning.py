"""Theory's exponents follow from the rules themselves, and the features of trained networks follow theory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runners.probes.feature_learning import THEORY, Case, feature_slope
from runners.probes.slopes import Verdict

WIDTHS = (128, 256, 512, 1024)


@pytest.mark.parametrize(
    ("case", "r"),
    [
        (Case("standard", c=1.0), 0.5),
        (Case("standard"), -1.0),
        (Case("standard", c=1.0, layers=1), 1.5),
        (Case("ntk"), 0.5),
        (Case("ntk", layers=1), 0.5),
        (Case("mean_field", layers=1), 0.0),
        (Case("mean_field"), 0.0),
        (Case("mup"), 0.0),
        (Case("mup", layers=4), 0.0),
    ],
)
def test_the_exponent_of_a_parametrization_s_rules_is_the_paper_s(case: Case, r: float) -> None:
    """Yang & Hu 2020, arXiv 2011.14522, Table 1, and its formula for r by hand elsewhere."""
    assert case.r == pytest.approx(r)


@pytest.mark.parametrize("case", THEORY, ids=lambda case: f"{case.parametrization}-{case.layers}-{case.c:g}")
def test_features_change_with_width_as_theory_says(case: Case) -> None:
    slope = feature_slope(case, WIDTHS, seeds=range(6))
    assert slope.theory == -case.r
    assert slope.verdict is Verdict.flat, str(slope)


def test_theory_of_another_parametrization_is_refused() -> None:
    """The check can fail: neural-tangent features do not move as muP's must, standard ones at one rate blow up."""
    ntk, standard = (feature_slope(Case(name), WIDTHS, seeds=range(6)) for name in ("ntk", "standard"))
    assert replace(ntk, theory=0.0).verdict is Verdict.vanishes
    assert replace(standard, theory=0.0).verdict is Verdict.grows
