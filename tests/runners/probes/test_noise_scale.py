"""The noise scale of a linear regression is the one that can be written down, without bias and within its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runners.probes._along import Moment  # noqa: E402
from runners.probes.noise_scale import noise_scale, noise_scale_along, noise_scale_of  # noqa: E402
from runners.spec import TrainSpec  # noqa: E402
from scalelaw.errors import UsageError  # noqa: E402
from scalelaw.results import Interval, Unavailable  # noqa: E402
from tests.runners.probes.sources import Line  # noqa: E402

D, SIGMA, OFF = 6, 0.7, 0.2


def truth(off: float = OFF) -> tuple[float, float]:
    """tr(Sigma) and |G|^2 of squared error where every weight is off by `off`.

    With delta the error of the weights, g = 2 (delta.x - sigma e) x, so G = 2 delta and, by Gaussian fourth moments,
    E |g|^2 = 4 ((d + 2) |delta|^2 + d sigma^2).
    """
    squared = D * off**2
    return 4 * ((D + 1) * squared + D * SIGMA**2), 4 * squared


def norms(rng: np.random.Generator, batches: int, parts: int, small: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared norms of mean gradients of the regression, of small and of large batches."""
    x = rng.standard_normal((batches, parts, small, D))
    error = OFF * x.sum(-1) - SIGMA * rng.standard_normal((batches, parts, small))
    g = (2 * error[..., None] * x).mean(2)
    return (g**2).sum(-1), (g.mean(1) ** 2).sum(-1)


def test_trace_and_gradient_are_estimated_without_bias() -> None:
    rng = np.random.default_rng(0)
    found = [noise_scale(*norms(rng, 1, 4, 8), 8) for _ in range(20_000)]
    for estimates, expected in zip(
        zip(*((f.trace, f.squared_gradient) for f in found), strict=True), truth(), strict=True
    ):
        error = np.std(estimates) / math.sqrt(len(estimates))
        assert np.mean(estimates) == pytest.approx(expected, abs=4 * error)
        assert error < 0.02 * expected


def test_the_interval_covers_the_true_scale_at_about_its_level() -> None:
    rng, trace, squared = np.random.default_rng(1), *truth()
    known = [noise_scale(*norms(rng, 32, 8, 8), 8).interval for _ in range(300)]
    hits = [interval.contains(trace / squared) for interval in known if isinstance(interval, Interval)]
    assert len(hits) > 290
    assert np.mean(hits) == pytest.approx(0.95, abs=0.05)


def test_exact_norms_give_exact_parts() -> None:
    """|g_B|^2 = |G|^2 + tr(Sigma) / B."""
    b, K, M = 4, 8, 5
    found = noise_scale(np.full((M, K), 3.0 + 20.0 / b), np.full(M, 3.0 + 20.0 / (b * K)), b)
    assert found.trace == pytest.approx(20.0)
    assert found.squared_gradient == pytest.approx(3.0)
    assert found.examples == pytest.approx(20 / 3)


def test_a_gradient_lost_in_noise_has_no_scale_and_no_interval() -> None:
    found = noise_scale(np.full((4, 2), 1.0), np.full(4, 0.4), 1)
    assert found.examples == math.inf
    assert isinstance(found.interval, Unavailable)
    assert "use more" in found.interval.reason


def test_a_large_batch_of_one_small_is_refused() -> None:
    with pytest.raises(UsageError, match="at least two small ones; found 1"):
        noise_scale(np.ones((3, 1)), np.ones(3), 4)


def test_a_linear_model_is_measured_as_the_closed_form_says() -> None:
    model = torch.nn.Linear(D, 1, bias=False)
    torch.nn.init.constant_(model.weight, 1.0 + OFF)
    spec = TrainSpec("line", width=1, depth=1, n_tokens=64, model="mlp", context=1, batch_size=64)
    moment = Moment(spec, Line(D, SIGMA), model, torch.optim.SGD(model.parameters()), 0, 0.1, math.nan)
    found = noise_scale_of(moment, small=8, parts=8, batches=200)
    trace, squared = truth()
    assert found.trace == pytest.approx(trace, rel=0.1)
    assert isinstance(found.interval, Interval)
    assert found.interval.contains(trace / squared)
    assert found.interval.high / found.interval.low < 1.5


def test_a_transformer_s_noise_scale_rises_along_training() -> None:
    spec = TrainSpec("markov", width=16, depth=1, n_tokens=20 * 256, context=16, batch_size=16, base_width=16)
    found = noise_scale_along([spec], points=3, small=2, parts=8, batches=32)
    scales = [point.scale.examples for point in found.points]
    assert [point.steps for point in found.points] == [0, 1, 20]
    assert math.inf > scales[-1] > 3 * scales[0]
    assert found.points[-1].tokens == pytest.approx(16 * scales[-1])
    assert "the noise scale goes from" in found.sentence
    assert found.rows() == noise_scale_along([spec], points=3, small=2, parts=8, batches=32).rows()
