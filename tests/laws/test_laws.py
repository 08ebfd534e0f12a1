"""Every law: its derivatives are exact, its parameters map both ways, its optimum is one."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import UsageError
from scalelaw.laws import LAWS, FormulaLaw, Law, get_law
from tests.truths import TRUTH, exact, law_of

LABELS = list(TRUTH)
FIVE_POINTS = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
"""Offsets and weights of the five-point difference, exact to the fourth order."""


def working(label: str) -> tuple[Law, np.ndarray, np.ndarray, np.ndarray]:
    """The law, working parameters near the truth for three members, the coordinates and the centre."""
    law = law_of(label)
    inputs = law.read(exact(label))
    centre = law.centre(inputs)
    z = law.coordinates(inputs, centre)
    theta = law.working(np.array([list(TRUTH[label].values())]), centre)
    theta = np.clip(theta * np.array([[1.0], [0.99], [1.01]]), *law.bounds(z))
    return law, theta, z, centre


def difference(function, theta: np.ndarray, j: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The derivative of a function of working parameters in the j-th."""
    h = 1e-4 * np.eye(theta.shape[1])[j] * max(1.0, abs(theta[0, j]))
    return sum(weight * function(theta + k * h) for k, weight in FIVE_POINTS) / h[j]


@pytest.mark.parametrize("label", LABELS)
def test_gradient_agrees_with_finite_differences(label: str) -> None:
    law, theta, z, _ = working(label)
    log_loss, gradient = law.derivatives(theta, z)
    np.testing.assert_allclose(log_loss, law.log_loss(theta, z), rtol=1e-12)
    for j in range(theta.shape[1]):
        numeric = difference(lambda at: law.log_loss(at, z), theta, j)
        np.testing.assert_allclose(gradient[:, :, j], numeric, atol=1e-7 * np.abs(numeric).max() + 1e-10)


@pytest.mark.parametrize("label", LABELS)
def test_curvature_agrees_with_differences_of_the_gradient(label: str) -> None:
    law, theta, z, _ = working(label)
    q = np.random.default_rng(0).normal(size=(len(theta), len(z)))
    curvature = law.curvature(theta, z, q)
    assert curvature is not None
    for j in range(theta.shape[1]):
        numeric = difference(lambda at: np.einsum("bnp,bn->bp", law.derivatives(at, z)[1], q), theta, j)
        np.testing.assert_allclose(curvature[:, j], numeric, atol=1e-7 * np.abs(curvature).max() + 1e-8)


@pytest.mark.parametrize("label", LABELS)
def test_all_orders_at_once_agree_with_each_alone(label: str) -> None:
    law, theta, z, _ = working(label)
    q = np.random.default_rng(1).normal(size=(len(theta), len(z)))
    if not hasattr(law, "second_order"):
        pytest.skip(f"{label} shares no work between its orders")
    log_loss, gradient, contract = law.second_order(theta, z)
    np.testing.assert_array_equal(log_loss, law.derivatives(theta, z)[0])
    np.testing.assert_allclose(gradient, law.derivatives(theta, z)[1], rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(contract(q), law.curvature(theta, z, q), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("label", LABELS)
def test_natural_and_working_parameters_are_inverse(label: str) -> None:
    law, theta, _, centre = working(label)
    np.testing.assert_allclose(law.working(law.natural(theta, centre), centre), theta, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("label", LABELS)
def test_starts_lie_within_the_bounds_and_have_a_loss(label: str) -> None:
    law, _, z, _ = working(label)
    low, high = law.bounds(z)
    starts = law.starts(z, law.observed(exact(label)), 20, np.random.default_rng(0))
    assert ((starts >= low) & (starts <= high)).all()
    assert np.isfinite(law.log_loss(starts, z)).mean() > 0.9


@pytest.mark.parametrize("label", ["chinchilla", "chinchilla_tied", "farseer", "k_power", "kaplan"])
@pytest.mark.parametrize("flops", [1e18, 1e22])
def test_optimum_is_the_least_loss_of_the_budget(label: str, flops: float) -> None:
    law = get_law(label)
    natural = np.array([list(TRUTH[label].values())])
    n_params, n_tokens = (float(v[0]) for v in law.optimum(natural, flops))
    assert 6 * n_params * n_tokens == pytest.approx(flops, rel=1e-12)
    sizes = n_params * np.exp(np.linspace(-0.01, 0.01, 2001))
    losses = law.predict(natural, np.stack([sizes, flops / 6 / sizes], axis=1))[0]
    assert abs(np.argmin(losses) - 1000) <= 2


@pytest.mark.parametrize(
    ("label", "formula"),
    [
        ("chinchilla", "E + A / N^alpha + B / D^beta"),
        ("k_power", "E + (A / N^alpha + B / D^beta)^k"),
        ("kaplan", "((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D"),
    ],
)
def test_numeric_optimum_of_the_written_formula_equals_the_closed_form(label: str, formula: str) -> None:
    law, written = get_law(label), get_law(formula)
    truth = np.array([[TRUTH[label][name] for name in law.names]] * 3) * np.array([[1.0], [0.99], [1.01]])
    order = [law.names.index(name) for name in written.names]
    for ours, theirs in zip(written.optimum(truth[:, order], 1e21), law.optimum(truth, 1e21), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_law_without_a_least_loss_inside_has_no_optimum() -> None:
    found = get_law("E + A / N^alpha + 0 * D").optimum(np.array([[1.7, 400.0, 0.34]]), 1e21)
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    "label", sorted(set(LABELS) - {"chinchilla", "chinchilla_tied", "farseer", "k_power", "kaplan"})
)
def test_laws_of_other_inputs_say_that_they_have_no_optimum(label: str) -> None:
    with pytest.raises(UsageError, match="compute-optimal allocation"):
        law_of(label).optimum(np.array([list(TRUTH[label].values())]), 1e21)


@pytest.mark.parametrize("label", LABELS)
def test_the_label_brings_the_law_back(label: str) -> None:
    law = law_of(label)
    back = get_law(law.label)
    assert (back.name, back.inputs, back.names, back.label) == (law.name, law.inputs, law.names, law.label)


def test_every_law_states_its_source_and_the_meaning_of_every_parameter() -> None:
    for law in LAWS:
        assert "arXiv" in law.source, law.name
        assert all(param.meaning for param in law.params), law.name


def test_a_written_law_is_the_shelf_law_in_value_and_derivatives() -> None:
    """Composed by hand and parsed from text, one formula: value, gradient and curvature in natural parameters."""
    law, written = get_law("chinchilla"), FormulaLaw("E + A / N^alpha + B / D^beta")
    runs = exact("chinchilla")
    natural = np.array([list(TRUTH["chinchilla"].values())])
    inputs = law.read(runs)
    centre = law.centre(inputs)
    theta, z = law.working(natural, centre), law.coordinates(inputs, centre)
    centre_w = written.centre(inputs)
    theta_w, z_w = written.working(natural, centre_w), written.coordinates(inputs, centre_w)
    np.testing.assert_allclose(theta_w, theta, rtol=1e-12)
    for ours, theirs in zip(written.derivatives(theta_w, z_w), law.derivatives(theta, z), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    q = np.random.default_rng(0).normal(size=(1, len(runs)))
    np.testing.assert_allclose(written.curvature(theta_w, z_w, q), law.curvature(theta, z, q), rtol=1e-9, atol=1e-10)
