"""Constants that someone else printed: their digits, their optimum, their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalelaw.checks import Claim, check
from scalelaw.checks._rounding_box import RoundingBox
from scalelaw.errors import UsageError
from scalelaw.fitting import fit
from scalelaw.laws import get_law
from tests.conftest import CHINCHILLA, simulated
from tests.test_fitting import epoch

LAW = get_law("chinchilla")
HOFFMANN = {"E": "1.69", "A": "406.4", "B": "410.7", "alpha": "0.34", "beta": "0.28"}
"""Hoffmann et al. 2022, arXiv 2203.15556, eq. 10, as printed."""


def test_a_text_keeps_its_trailing_zeros_and_a_number_does_not() -> None:
    assert Claim.of({"alpha": "0.340"}, LAW).half_units["alpha"] == pytest.approx(5e-4)
    assert Claim.of({"alpha": 0.340}, LAW).half_units["alpha"] == pytest.approx(5e-3)
    assert Claim.of({"A": "4.1e2"}, LAW).half_units["A"] == pytest.approx(5.0)


def test_standard_errors_are_told_from_constants() -> None:
    claim = Claim.of({"alpha": 0.34, "alpha_se": 5e-4}, LAW)
    assert claim.values == {"alpha": 0.34}
    assert claim.standard_errors == {"alpha": 5e-4}
    assert claim.natural(LAW) is None


@pytest.mark.parametrize(
    "claimed", [{"gamma": 1.0}, {"gamma_se": 1.0}, {"alpha": "a third"}, {"alpha": float("nan")}, {"alpha_se": 0}]
)
def test_a_claim_of_nothing_known_is_refused(claimed: dict[str, float | str]) -> None:
    with pytest.raises(UsageError, match=next(iter(claimed))):
        Claim.of(claimed, LAW)


def test_the_derivatives_in_the_box_are_those_of_the_law() -> None:
    made = fit("chinchilla", simulated())
    box = RoundingBox(made.law, made.centre, made.natural, 0.01 * made.natural)
    u, z = np.full((1, 5), 0.3), made.problem.z
    gradient = box.derivatives(u, z)[1][0]
    for j in range(5):
        step = 1e-5 * (np.arange(5) == j)
        difference = (box.log_loss(u + step, z) - box.log_loss(u - step, z))[0] / 2e-5
        assert gradient[:, j] == pytest.approx(difference, rel=1e-6, abs=1e-12)


def test_the_box_takes_working_parameters_back_to_natural_ones() -> None:
    box = RoundingBox(LAW, np.zeros(2), np.array([1.69, 406.4, 0.34, 410.7, 0.28]), np.array([0.005, 0.05, 0, 0.05, 0]))
    u = box.starts(np.zeros((1, 2)), np.ones(1), 3, np.random.default_rng(0)) * [1, 1, 0, 1, 0]
    assert box.working(box.natural(u, box.at), box.at) == pytest.approx(u, abs=1e-9)
    assert (box.log_steps(u[0])[[2, 4]] == 0).all()


def test_the_optimum_rounded_to_six_digits_is_still_the_optimum() -> None:
    made = fit("chinchilla", simulated())
    claimed = {name: f"{value:.6g}" for name, value in made.estimate.items()}
    assert [result.verdict for result in check(made, only=["optimum", "rounding"], claimed=claimed)] == ["clear"] * 2


def test_rounding_alone_is_not_called_a_missed_optimum() -> None:
    made = fit("chinchilla", simulated())
    claimed = {name: f"{value:.2g}" for name, value in made.estimate.items()}
    optimum, rounding = check(made, only=["optimum", "rounding"], claimed=claimed)
    assert (optimum.verdict, rounding.verdict) == ("clear", "found")


def test_the_truth_of_a_simulation_is_no_optimum_of_its_noise() -> None:
    claimed = {name: f"{value * 1.01:.8g}" for name, value in CHINCHILLA.items()}
    (result,) = check(fit("chinchilla", simulated()), only=["optimum"], claimed=claimed)
    assert [finding.code for finding in result.findings] == ["W_CLAIM_NOT_OPTIMUM"]


def test_an_honest_standard_error_is_believed_and_a_tenth_of_it_is_not() -> None:
    made = fit("chinchilla", simulated())
    error = made.certificate.log_errors[2] * made.value("alpha")
    (honest,) = check(made, only=["precision"], claimed={"alpha_se": error})
    (proud,) = check(made, only=["precision"], claimed={"alpha_se": error / 10})
    assert (honest.verdict, proud.verdict) == ("clear", "found")


def test_what_was_published_of_hoffmann_is_found_again(development_data: Path) -> None:
    """Besiroglu et al. 2024: the printed constants are no optimum, and their errors would take 600,000 runs."""
    made = fit("chinchilla", epoch(development_data, 240), "log_huber")
    results = {result.check.name: result for result in check(made, claimed={**HOFFMANN, "alpha_se": 5e-4})}
    assert "305 % above it" in results["optimum"].findings[0].message
    assert results["rounding"].findings[0].code == "W_ROUNDED"
    implied = float(results["precision"].findings[0].message.split()[-2])
    assert 2e5 < implied < 1e6
    assert [finding.code for finding in results["selection"].findings] == ["W_SELECTED"]


def test_five_of_hoffmanns_runs_decide_beta(development_data: Path) -> None:
    made = fit("chinchilla", epoch(development_data, 245), "log_huber")
    (result,) = check(made, only=["influence"])
    (finding,) = result.findings
    assert "beta hangs on 5 of 245 runs: 0.453 with them, 0.3672 without" in finding.message
    five = {made.runs.run_id[i] for i in np.argsort(made.runs.loss)[-5:]}
    assert set(finding.runs) == five
