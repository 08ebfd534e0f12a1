"""Every law: its derivatives are exact, its parameters map both ways, its optimum is one."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.laws import Law, get_law
from tests.test_fitting import TRUTH, exact

LABELS = list(TRUTH)


def working(law: Law, label: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Working parameters near the truth for three members, the coordinates and the centre."""
    inputs = law.read(exact(label))
    centre = law.centre(inputs)
    theta = law.working(np.array([list(TRUTH[label].values())]), centre)
    return theta * np.array([[1.0], [0.97], [1.02]]), law.coordinates(inputs, centre), centre


@pytest.mark.parametrize("label", LABELS)
def test_gradient_agrees_with_finite_differences(label: str) -> None:
    law = get_law(label)
    theta, z, _ = working(law, label)
    log_loss, gradient = law.derivatives(theta, z)
    np.testing.assert_allclose(log_loss, law.log_loss(theta, z), rtol=1e-12)
    for j in range(theta.shape[1]):
        h = 1e-6 * max(1.0, abs(theta[0, j]))
        up, down = theta.copy(), theta.copy()
        up[:, j] += h
        down[:, j] -= h
        numeric = (law.log_loss(up, z) - law.log_loss(down, z)) / (2 * h)
        np.testing.assert_allclose(gradient[:, :, j], numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("label", LABELS)
def test_curvature_agrees_with_differences_of_the_gradient(label: str) -> None:
    law = get_law(label)
    theta, z, _ = working(law, label)
    q = np.random.default_rng(0).normal(size=(len(theta), len(z)))
    curvature = law.curvature(theta, z, q)
    if curvature is None:
        pytest.skip(f"{label} gives no second derivatives")
    for j in range(theta.shape[1]):
        h = 1e-6
        up, down = theta.copy(), theta.copy()
        up[:, j] += h
        down[:, j] -= h
        numeric = (law.derivatives(up, z)[1] - law.derivatives(down, z)[1]) / (2 * h)
        np.testing.assert_allclose(curvature[:, j], np.einsum("bnp,bn->bp", numeric, q), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label", LABELS)
def test_natural_and_working_parameters_are_inverse(label: str) -> None:
    law = get_law(label)
    theta, _, centre = working(law, label)
    np.testing.assert_allclose(law.working(law.natural(theta, centre), centre), theta, rtol=1e-10)


@pytest.mark.parametrize("label", ["chinchilla", "kaplan"])
@pytest.mark.parametrize("flops", [1e18, 1e22])
def test_optimum_is_the_least_loss_of_the_budget(label: str, flops: float) -> None:
    law = get_law(label)
    natural = np.array([list(TRUTH[label].values())])
    n_params, n_tokens = (float(v[0]) for v in law.optimum(natural, flops))
    assert 6 * n_params * n_tokens == pytest.approx(flops, rel=1e-12)
    sizes = n_params * np.exp(np.linspace(-0.01, 0.01, 2001))
    losses = law.predict(natural, np.stack([sizes, flops / 6 / sizes], axis=1))[0]
    assert abs(np.argmin(losses) - 1000) <= 2
