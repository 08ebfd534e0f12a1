"""Sharpness along training: the largest curvature an optimizer's step meets, against what it can stand.

A step of rate eta is theta <- theta - eta D g with a diagonal D: of a tensor with multiplier c in its
parametrization, D = c for SGD and D = c / P for Adam, with its second moments v and first-moment bias correction

    P = (1 - beta1^t) (sqrt(v / (1 - beta2^t)) + epsilon)

Near a quadratic with Hessian H it is stable while the largest eigenvalue of D^(1/2) H D^(1/2) stays below

    SGD   (2 + 2 momentum) / eta                     2 / eta without momentum
    Adam  (2 + 2 beta1) / ((1 - beta1) eta)          38 / eta at beta1 = 0.9

With multipliers inside D and eta the base rate, models of all widths and parametrizations face one threshold; in the
papers' words this is gamma^2 lambda under an output multiplier 1/gamma and a rate eta gamma^2. Full-batch descent
sharpens until it meets the threshold and stays there, and under muP does so alike at every width.

Sources: Cohen et al. 2021, arXiv 2103.00065 (SGD, momentum); Cohen et al. 2022, arXiv 2207.14484 (Adam); Noci et al.
2024, arXiv 2402.17457 (width). H is that of the training loss on one fixed batch, without weight decay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from runners.probes._along import Moment, along, log_spaced
from runners.probes._lanczos import Eigenvalue, largest_eigenvalue
from runners.schedules import warmup_steps
from runners.spec import TrainSpec
from runners.training import training_examples
from runners.validation import loss_of, tensors
from scalelaw.errors import UsageError

EDGE = 0.8
"""From this share of the threshold a run counts as at the edge of stability."""


@dataclass(frozen=True)
class Sharpness:
    """The sharpness of one run after some steps.

    Attributes:
        sharpness: the largest eigenvalue of D^(1/2) H D^(1/2).
        threshold: what the step at the current rate can stand.
        loss: on the fixed batch, nats/token.
    """

    spec: TrainSpec
    steps: int
    sharpness: Eigenvalue
    threshold: float
    loss: float

    @property
    def share(self) -> float:
        """Of the threshold."""
        return self.sharpness.value / self.threshold

    @property
    def share_at_peak(self) -> float:
        """Of what a step at the spec's peak rate can stand, whatever the schedule says now."""
        return self.sharpness.value / stable_limit(self.spec, self.spec.lr)

    def as_row(self) -> dict[str, Any]:
        """A row of a table."""
        return {
            "parametrization": self.spec.parametrization,
            "width": self.spec.width,
            "lr": self.spec.lr,
            "seed": self.spec.seed,
            "step": self.steps,
            "sharpness": self.sharpness.value,
            "error_bound": self.sharpness.bound,
            "products": self.sharpness.products,
            "converged": self.sharpness.converged,
            "threshold": self.threshold,
            "share": self.share,
            "loss": self.loss,
        }


@dataclass(frozen=True)
class SharpnessAlong:
    """The sharpness of several runs along their training."""

    points: tuple[Sharpness, ...]

    def last(self) -> tuple[Sharpness, ...]:
        """Of every run, the last one."""
        return tuple({point.spec: point for point in self.points}.values())

    def peaks(self) -> tuple[Sharpness, ...]:
        """Of every run, where it came nearest to its stable limit once its warm-up was over."""
        runs: dict[TrainSpec, list[Sharpness]] = {}
        for point in self.points:
            runs.setdefault(point.spec, []).append(point)
        warm = [[p for p in run if p.steps > warmup_steps(p.spec)] or run[-1:] for run in runs.values()]
        return tuple(max(run, key=lambda point: point.share) for run in warm)

    def spread(self, parametrization: str) -> float | None:
        """Coefficient of variation of a parametrization's last sharpnesses over its runs; None of a single run."""
        values = [p.sharpness.value for p in self.last() if p.spec.parametrization == parametrization]
        return float(np.std(values, ddof=1) / np.mean(values)) if len(values) > 1 else None

    @property
    def sentence(self) -> str:
        """Which runs came to the edge of stability, and how much their last sharpness varies."""
        peaks = self.peaks()
        edge = sum(point.share >= EDGE for point in peaks)
        words = [f"{edge} of {len(peaks)} runs come to {EDGE:.0%} of their stable limit or beyond"]
        for name in sorted({point.spec.parametrization for point in peaks}):
            shares = [point.share for point in peaks if point.spec.parametrization == name]
            span = f"{name} at most {min(shares):.3g} to {max(shares):.3g} of it"
            spread = self.spread(name)
            words.append(span if spread is None else f"{span}, its last sharpness varies by {spread:.0%} between runs")
        loose = sum(not point.sharpness.converged for point in self.points)
        words += [f"{loose} eigenvalues did not converge: raise the number of products"] * (loose > 0)
        return "; ".join(words) + "."

    def rows(self) -> list[dict[str, Any]]:
        """A row for each run and step."""
        return [point.as_row() for point in self.points]


def sharpness_along(
    specs: Sequence[TrainSpec],
    *,
    points: int = 6,
    examples: int = 128,
    tolerance: float = 1e-3,
    products: int = 60,
    on_point: Callable[[Sharpness], None] = lambda point: None,
) -> SharpnessAlong:
    """Train each spec on the CPU and measure its sharpness at log-spaced steps.

    Args:
        points: measurements of a run at most; those of SGD begin before the first step, Adam's after it.
        examples: of the fixed batch, the first of the run's training data.
        tolerance: of an eigenvalue, relative.
        products: Hessian-vector products of a measurement at most.
        on_point: told of each measurement.

    Raises:
        UsageError: where no run is given, or none got as far as its first measurement.
    """
    found = []
    for spec in specs:
        for point in _of_run(spec, points, examples, tolerance, products):
            on_point(point)
            found.append(point)
    if not found:
        raise UsageError("No run could be measured: name runs, and lower the rate of those that diverge at once.")
    return SharpnessAlong(tuple(found))


def _of_run(spec: TrainSpec, points: int, examples: int, tolerance: float, products: int) -> Iterator[Sharpness]:
    at = log_spaced(1, spec.steps, points)
    for moment in along(spec, at if spec.optimizer == "adamw" else (0, *at)):
        yield sharpness_of(moment, examples, tolerance, products)


def sharpness_of(moment: Moment, examples: int = 128, tolerance: float = 1e-3, products: int = 60) -> Sharpness:
    """The sharpness of a model as it stands, on the first examples of its training data."""
    spec, source = moment.spec, moment.source
    data = training_examples(spec, source)
    batch = tensors(source, data.take(np.arange(min(examples, len(data)))), "cpu")
    parameters = [p for p in moment.model.parameters() if p.requires_grad]
    # The CPU's fused attention has no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        loss = loss_of(source, moment.model(batch[0]), batch[1])
        multiply = hessian_product(loss, parameters)
        D = _step_scales(moment, parameters).sqrt()
        size = sum(p.numel() for p in parameters)
        found = largest_eigenvalue(lambda v: D * multiply(D * v), size, tolerance=tolerance, most=products)
    return Sharpness(spec, moment.steps, found, stable_limit(spec, moment.rate), loss.item())


def stable_limit(spec: TrainSpec, rate: float) -> float:
    """The largest sharpness that steps of a base rate can stand; see the module."""
    if spec.optimizer == "sgd":
        return (2 + 2 * spec.momentum) / rate
    return (2 + 2 * spec.beta1) / ((1 - spec.beta1) * rate)


def hessian_product(loss: Tensor, parameters: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
    """v -> H v for the loss's Hessian in these parameters, laid out one after another, in double precision.

    By differentiating the gradient a second time (Pearlmutter 1994).
    """
    first = torch.autograd.grad(loss, parameters, create_graph=True)
    flat = torch.cat([g.flatten() for g in first])

    def multiply(v: Tensor) -> Tensor:
        second = torch.autograd.grad(flat, parameters, v.to(flat.dtype), retain_graph=True, materialize_grads=True)
        return torch.cat([g.flatten() for g in second]).double()

    return multiply


def _step_scales(moment: Moment, parameters: Sequence[Tensor]) -> Tensor:
    """D of the module's docstring, one number a parameter, in double precision.

    Raises:
        UsageError: for Adam before its first step, when it has no second moments.
    """
    spec, scales = moment.spec, {}
    for group in moment.optimizer.param_groups:
        for p in group["params"]:
            scale = torch.full((p.numel(),), float(group["lr_multiplier"]), dtype=torch.float64)
            if spec.optimizer == "adamw":
                state = moment.optimizer.state.get(p)
                if not state:
                    raise UsageError("Adam has no second moments before its first step: measure after at least one.")
                t, v = float(state["step"]), state["exp_avg_sq"].flatten().double()
                P = (1 - spec.beta1**t) * ((v / (1 - spec.beta2**t)).sqrt() + group["eps"])
                scale = scale / P
            scales[id(p)] = scale
    return torch.cat([scales[id(p)] for p in parameters])
