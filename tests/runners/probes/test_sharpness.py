"""Lanczos finds the largest eigenvalue, and the limit is where an optimizer's steps on a quadratic turn unstable."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from runners.probes._along import Moment, along, log_spaced  # noqa: E402
from runners.probes._lanczos import largest_eigenvalue  # noqa: E402
from runners.probes.sharpness import hessian_product, sharpness_along, sharpness_of, stable_limit  # noqa: E402
from runners.spec import TrainSpec  # noqa: E402
from runners.training import training_examples  # noqa: E402
from runners.validation import loss_of, tensors  # noqa: E402
from scalelaw.errors import UsageError  # noqa: E402
from tests.runners.probes.sources import Line  # noqa: E402

SMALL = TrainSpec(
    "line", width=6, depth=1, n_tokens=64 * 8, model="mlp", activation="tanh", context=1, batch_size=64,
    base_width=3, warmup_share=0.0, schedule="constant", lr=0.01,
)  # fmt: skip
SGD = replace(SMALL, optimizer="sgd", momentum=0.0, weight_decay=0.0)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_the_largest_eigenvalue_of_a_known_spectrum_is_found(spectrum: list[float], seed: int) -> None:
    """The largest, not the largest in magnitude; without a limit on products the answer is exact."""
    A = rotated(np.array(spectrum), seed)
    found = largest_eigenvalue(lambda v: A @ v, len(spectrum), tolerance=1e-12, most=1000)
    assert found.converged
    assert found.value == pytest.approx(max(spectrum), abs=1e-9)


@given(st.integers(3, 12), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_an_eigenvalue_lies_within_the_bound_even_before_it_converged(most: int, seed: int) -> None:
    spectrum = np.linspace(-1, 1, 60) ** 3
    A = rotated(spectrum, seed)
    found = largest_eigenvalue(lambda v: A @ v, 60, tolerance=1e-9, most=most, seed=seed)
    assert not found.converged
    assert found.products == most
    assert np.abs(spectrum - found.value).min() <= found.bound + 1e-12
    assert found.value <= 1 + 1e-12


def rotated(spectrum: np.ndarray, seed: int) -> torch.Tensor:
    n = len(spectrum)
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    return torch.from_numpy(Q @ np.diag(spectrum) @ Q.T)


def test_it_is_the_largest_eigenvalue_of_a_small_network_s_full_hessian() -> None:
    torch.manual_seed(0)
    layers = (torch.nn.Linear(4, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3))
    model = torch.nn.Sequential(*layers).double()
    x, y = torch.randn(20, 4).double(), torch.randint(3, (20,))
    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters)
    multiply = hessian_product(torch.nn.functional.cross_entropy(model(x), y), parameters)
    H = torch.stack([multiply(row) for row in torch.eye(size, dtype=torch.float64)])
    torch.testing.assert_close(H, H.T, rtol=0, atol=1e-12)
    torch.testing.assert_close(H, dense_hessian(model, x, y), rtol=0, atol=1e-12)
    found = largest_eigenvalue(multiply, size, tolerance=1e-8)
    assert found.value == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=1e-6)


def dense_hessian(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """By torch's own Hessian of one flat vector."""
    named = dict(model.named_parameters())
    shapes = [(name, p.shape, p.numel()) for name, p in named.items()]

    def loss(flat: torch.Tensor) -> torch.Tensor:
        parts = flat.split([n for _, _, n in shapes])
        values = {name: part.view(shape) for (name, shape, _), part in zip(shapes, parts, strict=True)}
        return torch.nn.functional.cross_entropy(torch.func.functional_call(model, values, (x,)), y)

    return torch.autograd.functional.hessian(loss, torch.cat([p.detach().flatten() for p in named.values()]))


@pytest.mark.parametrize(
    "spec", [SGD, SMALL, replace(SGD, parametrization="standard")], ids=["sgd", "adam", "standard"]
)
def test_what_is_measured_is_the_hessian_as_the_step_sees_it(spec: TrainSpec) -> None:
    """D^(1/2) H D^(1/2), with D read off the size of a step that the optimizer itself takes."""
    source = Line(3)
    for moment in along(spec, [3], source):
        measured = sharpness_of(moment, 64, tolerance=1e-7)
        parameters = list(moment.model.parameters())
        x, y = tensors(source, training_examples(spec, source).take(np.arange(64)), "cpu")
        multiply = hessian_product(loss_of(source, moment.model(x), y), parameters)
        size = sum(p.numel() for p in parameters)
        H = torch.stack([multiply(row) for row in torch.eye(size, dtype=torch.float64)])
        D = step_sizes(moment).sqrt()
        expected = float(torch.linalg.eigvalsh(D[:, None] * ((H + H.T) / 2) * D)[-1])
        assert measured.sharpness.value == pytest.approx(expected, rel=2e-3)
        assert measured.loss == pytest.approx(loss_of(source, moment.model(x), y).item())


def step_sizes(moment: Moment) -> torch.Tensor:
    """D by asking the optimizer: the step that a gradient alone causes, over rate, gradient and its share 1 - beta1.

    Adam is asked with the gradient sqrt(v), which leaves its second moments v as they are, and no first moment.
    """
    model, optimizer = copy.deepcopy((moment.model, moment.optimizer))
    before = [p.detach().clone() for p in model.parameters()]
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = 1e-3 * group["lr_multiplier"], 0.0
    for p in model.parameters():
        p.grad = torch.ones_like(p)
        if moment.spec.optimizer == "adamw":
            state = optimizer.state[p]
            p.grad = state["exp_avg_sq"].sqrt()
            state["exp_avg"].zero_()
            state["step"] -= 1
    optimizer.step()
    held = 1 - moment.spec.beta1 if moment.spec.optimizer == "adamw" else 1.0
    moved = [(b - p.detach()) / (1e-3 * held * p.grad) for b, p in zip(before, model.parameters(), strict=True)]
    return torch.cat([m.flatten() for m in moved]).double()


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("share", "stable"), [(0.98, True), (1.02, False)])
def test_sgd_on_a_quadratic_is_stable_below_its_limit_and_not_above(
    momentum: float, share: float, stable: bool
) -> None:
    spec = replace(SGD, momentum=momentum)
    curvature, w = share * stable_limit(spec, 0.1), torch.nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=momentum)
    for _ in range(3000):
        w.grad = curvature * w.detach()
        optimizer.step()
        if not stable and abs(w.item()) > 1e6:
            break
    assert (abs(w.item()) < 1e-3) is stable


@pytest.mark.parametrize("beta1", [0.0, 0.9, 0.95])
@pytest.mark.parametrize(("share", "stable"), [(0.98, True), (1.02, False)])
def test_adam_s_limit_is_that_of_its_moving_average(beta1: float, share: float, stable: bool) -> None:
    """With frozen second moments: m <- beta1 m + (1 - beta1) g, w <- w - lr m."""
    curvature = share * stable_limit(replace(SMALL, beta1=beta1), 0.1)
    w, m = 1.0, 0.0
    for _ in range(5000):
        m = beta1 * m + (1 - beta1) * curvature * w
        w -= 0.1 * m
        if abs(w) > 1e6:
            break
    assert (abs(w) < 1e-3) is stable


def test_the_limits_are_those_of_the_papers() -> None:
    assert stable_limit(SGD, 0.1) == pytest.approx(2 / 0.1)
    assert stable_limit(SMALL, 0.1) == pytest.approx(38 / 0.1)


def test_full_batch_descent_sharpens_to_its_limit() -> None:
    """A run at a rate whose limit lies above the initial sharpness comes to it and stays about it."""
    spec = replace(SGD, width=32, base_width=1, depth=1, lr=0.1, n_tokens=64 * 200, unique_tokens=64, grad_clip=1e9)
    shares = [sharpness_of(m, 64, 1e-3).share for m in along(spec, (0, 200), Line(8, sigma=0.1))]
    assert shares[0] < 0.6
    assert shares[1] == pytest.approx(1.0, abs=0.1)


def test_adam_cannot_be_measured_before_its_first_step() -> None:
    (moment,) = along(SMALL, [0], Line(3))
    with pytest.raises(UsageError, match="before its first step"):
        sharpness_of(moment)


def test_a_transformer_is_measured_along_its_training_and_the_numbers_repeat() -> None:
    spec = TrainSpec("markov", width=16, depth=1, n_tokens=8 * 256, context=16, batch_size=16, base_width=16)
    one, two = (sharpness_along([spec], points=3, examples=8, tolerance=1e-2) for _ in range(2))
    assert [point.steps for point in one.points] == [1, 3, 8]
    assert one.rows() == two.rows()
    assert all(point.sharpness.converged and point.sharpness.value > 0 for point in one.points)
    assert "1 runs come to" in one.sentence or "of 1 runs" in one.sentence


def test_a_run_that_diverges_ends_where_it_does() -> None:
    moments = list(along(replace(SGD, lr=1e9, grad_clip=1e9, activation="relu"), (0, 1, 8), Line(3)))
    assert [moment.steps for moment in moments] in ([0], [0, 1])
    with pytest.raises(UsageError, match="No run could be measured"):
        sharpness_along([])


def test_pausing_does_not_change_the_training() -> None:
    (once,) = along(SMALL, [8], Line(3))
    *_, often = (m for m in along(SMALL, range(9), Line(3)) if m.steps < 8 or math.isfinite(m.loss))
    for p, q in zip(once.model.parameters(), often.model.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=0)


def test_log_spaced_steps_are_different_and_end_at_the_last() -> None:
    assert log_spaced(1, 4, 10) == (1, 2, 3, 4)
    assert log_spaced(1, 1000, 4) == (1, 10, 100, 1000)
    assert log_spaced(1, 1000, 1) == (1000,)
