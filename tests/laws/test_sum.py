"""Laws composed of pieces equal those that are written out."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import UsageError
from scalelaw.fitting import fit
from scalelaw.laws import Constant, FormulaLaw, Power, Term, compose, get_law
from tests.conftest import CHINCHILLA, simulated

RUNS = simulated(40)


def chinchilla() -> object:
    return Constant("E") + Power("n_params", "A", "alpha") + Power("n_tokens", "B", "beta")


def test_a_composed_chinchilla_equals_the_written_one() -> None:
    composed, written = chinchilla(), get_law("chinchilla")
    assert composed.names == written.names
    assert composed.inputs == written.inputs
    inputs = written.read(RUNS)
    centre = written.centre(inputs)
    z = written.coordinates(inputs, centre)
    natural = np.array([list(CHINCHILLA.values())]) * np.array([[1.0], [1.1], [0.9]])
    theta = written.working(natural, centre)
    q = np.random.default_rng(0).normal(size=(3, len(z)))
    np.testing.assert_allclose(composed.working(natural, centre), theta, rtol=1e-12)
    np.testing.assert_allclose(composed.log_loss(theta, z), written.log_loss(theta, z), rtol=1e-12)
    np.testing.assert_allclose(composed.derivatives(theta, z)[1], written.derivatives(theta, z)[1], rtol=1e-12)
    np.testing.assert_allclose(composed.curvature(theta, z, q), written.curvature(theta, z, q), rtol=1e-12)
    np.testing.assert_allclose(composed.optimum(natural, 1e21), written.optimum(natural, 1e21), rtol=1e-12)
    np.testing.assert_array_equal(composed.bounds(z), written.bounds(z))


def test_the_order_of_the_powers_moves_no_optimum() -> None:
    law = Power("n_tokens", "B", "beta") + Constant("E") + Power("n_params", "A", "alpha")
    natural = np.array([[CHINCHILLA[name] for name in law.names]])
    written = get_law("chinchilla").optimum(np.array([list(CHINCHILLA.values())]), 1e21)
    np.testing.assert_allclose(law.optimum(natural, 1e21), written, rtol=1e-12)


@pytest.mark.parametrize(
    "law",
    [
        chinchilla(),
        Constant("L_inf") + Power("flops", "A", "alpha"),
        Constant("E") + Power("n_params", "A", "g") + Power("n_tokens", "B", "g"),
        Constant("E") + Power("epochs", "A", "alpha"),
        Constant("E") + Power("n_params", "A", "alpha") + Term("k * exp(-D / D_0)"),
        compose([Power("n_params", "A", "alpha")]),
    ],
    ids=lambda law: law.label,
)
def test_a_label_brings_the_same_law_back(law: FormulaLaw) -> None:
    again = get_law(law.label)
    assert (again.label, again.names, again.inputs) == (law.label, law.names, law.inputs)
    assert again.kernel == law.kernel
    natural = np.full((1, len(law.names)), 0.7)
    inputs = np.geomspace(2.0, 9.0, 5 * len(law.inputs)).reshape(5, -1)
    np.testing.assert_array_equal(again.predict(natural, inputs), law.predict(natural, inputs))


def test_a_parameter_named_twice_is_one_parameter() -> None:
    law = Constant("E") + Power("n_params", "A", "g") + Power("n_tokens", "B", "g")
    tied = fit("chinchilla[beta=alpha]", RUNS, "log_least_squares")
    assert fit(law, RUNS, "log_least_squares").value("g") == pytest.approx(tied.value("alpha"), rel=1e-6)


def test_sums_of_powers_take_the_compiled_path_and_others_the_formula() -> None:
    assert chinchilla().kernel == "power_sum"
    assert (chinchilla() + Term("k * log(C)")).kernel is None
    assert fit(chinchilla(), RUNS).value("alpha") == pytest.approx(fit("chinchilla", RUNS).value("alpha"), rel=1e-8)


def test_a_column_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(UsageError, match="rename the column"):
        Constant("E") + Power("my column", "A", "alpha")
