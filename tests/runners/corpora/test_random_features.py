"""The least loss of the random features is what the best predictor reaches, and no better."""

from __future__ import annotations

import numpy as np
import pytest

from runners.corpora import CORPORA
from runners.corpora.random_features import RandomFeatures
from tests.runners.corpora.conftest import everything

SOURCE = RandomFeatures(d=24, alpha=0.8, beta=0.3)


def test_a_linear_fit_to_many_samples_reaches_the_known_loss() -> None:
    """Trained on 30,000 and tested on others: within four standard errors, plus d / n of what training costs."""
    inputs, targets = everything(SOURCE.training(1, 30_000, seed=0))
    weights = np.linalg.lstsq(inputs.astype(float), targets.astype(float), rcond=None)[0]
    fresh, answers = everything(SOURCE.validation(1, 30_000))
    squares = (fresh.astype(float) @ weights - answers) ** 2
    floor = SOURCE.entropy(1)
    error = squares.std(ddof=1) / np.sqrt(len(squares))
    assert abs(squares.mean() - floor) < 4 * error + floor * SOURCE.d / 30_000


def test_what_is_left_is_noise_to_any_function_of_the_features() -> None:
    """Features and target are jointly Gaussian: the residual of the best fit is independent of every feature."""
    best = np.linalg.lstsq(SOURCE._features, SOURCE._target, rcond=None)[0]
    residual = SOURCE._target - SOURCE._features @ best
    np.testing.assert_allclose(SOURCE._features.T @ residual, 0.0, atol=1e-12)
    assert SOURCE.entropy(1) == pytest.approx(residual @ residual)


def test_the_features_have_unit_mean_square_and_the_target_its_variance() -> None:
    inputs, targets = everything(SOURCE.training(1, 20_000, seed=1))
    assert (inputs.shape, inputs.dtype, targets.shape) == ((20_000, 24), np.float32, (20_000,))
    assert float((inputs**2).mean()) == pytest.approx(1.0, rel=0.05)
    j = np.arange(1, 97)
    assert float(targets.var()) == pytest.approx(float((j ** -(2 * (0.8 + 0.3))).sum()), rel=0.05)


def test_the_limit_loss_is_that_of_the_theory() -> None:
    """F0 = sum_j j^-2(alpha+beta) / (1 + j^-2alpha q), q = kappa d^2alpha, 1 / kappa =
    int_0^(v/d) dx / (kappa + x^2alpha).

    The law of the authors' code for Paquette et al. 2024; measured to hold for one W within some percent.
    """
    d, alpha, beta = 256, 1.0, 0.3
    x = (np.arange(40_000) + 0.5) * (4 / 40_000)
    kappa = 1.0
    for _ in range(60):
        kappa = np.sqrt(kappa / np.mean(4 / (kappa + x ** (2 * alpha))))
    j = np.arange(1, 4 * d + 1)
    expected = (j ** (-2 * (alpha + beta)) / (1 + j ** (-2 * alpha) * kappa * d ** (2 * alpha))).sum()
    assert RandomFeatures(d=d, alpha=alpha, beta=beta).entropy(1) == pytest.approx(expected, rel=0.05)


def test_they_are_named_by_their_numbers() -> None:
    source = CORPORA["random_features:d=32|beta=0.7"]
    assert isinstance(source, RandomFeatures)
    assert (source.input_shape, source.alpha, source.beta) == ((32,), 1.0, 0.7)
    assert (source.kind, source.outputs, source.loss) == ("vectors", 1, "squared_error")
