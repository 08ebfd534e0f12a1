"""The gradient noise scale along training: the batch size at which noise and signal of a gradient are of one size.

    B_simple = tr(Sigma) / |G|^2        examples

with G the true gradient and Sigma the covariance of one example's gradient (McCandlish et al. 2018, arXiv
1812.06162). Far below it a larger batch saves steps in proportion; far above, hardly any. From gradients g_b of small
and g_B of large batches both are estimated without bias (ibid.):

    |G|^2      = (B |g_B|^2 - b |g_b|^2) / (B - b)
    tr(Sigma)  = (|g_b|^2 - |g_B|^2) / (1/b - 1/B)

Each large batch consists of its small ones, so it costs nothing more. Their ratio is biased, so numerator and
denominator are averaged over several large batches before they are divided; the interval is the delete-one jackknife
of the ratio's logarithm, Student's t. Examples are held-out sequences, and the gradient is that of plain SGD, before
clipping, without the optimizer's preconditioner. A sequence counts as one example, for its tokens are not independent.

Dimensions: M large batches, K small ones in each, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from runners.corpora import Examples
from runners.probes._along import Moment, along, log_spaced
from runners.probes._seeds import jackknife_interval
from runners.spec import TrainSpec
from runners.validation import loss_of, tensors
from scalelaw.errors import UsageError
from scalelaw.numbers import format_quantity
from scalelaw.results import Interval, Unavailable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NoiseScale:
    """tr(Sigma), |G|^2 and their ratio in examples; the ratio is infinite where |G|^2 is not above zero."""

    trace: float
    squared_gradient: float
    interval: Interval | Unavailable

    @property
    def examples(self) -> float:
        """B_simple."""
        return self.trace / self.squared_gradient if self.squared_gradient > 0 else math.inf


@dataclass(frozen=True)
class NoisePoint:
    """The noise scale of one run after some steps; `loss` is the last step's, nats/token."""

    spec: TrainSpec
    steps: int
    loss: float
    scale: NoiseScale

    @property
    def tokens(self) -> float:
        """B_simple as tokens, a context an example."""
        return self.scale.examples * self.spec.context

    def as_row(self) -> dict[str, Any]:
        """A row of a table."""
        known = math.isfinite(self.scale.examples)
        return {
            "parametrization": self.spec.parametrization,
            "width": self.spec.width,
            "lr": self.spec.lr,
            "seed": self.spec.seed,
            "step": self.steps,
            "train_loss": self.loss if math.isfinite(self.loss) else None,
            "noise_scale": self.scale.examples if known else None,
            "low": getattr(self.scale.interval, "low", None),
            "high": getattr(self.scale.interval, "high", None),
            "noise_scale_tokens": self.tokens if known else None,
            "trace": self.scale.trace,
            "squared_gradient": self.scale.squared_gradient,
            "batch_size": self.spec.batch_size,
            "note": getattr(self.scale.interval, "reason", ""),
        }


@dataclass(frozen=True)
class NoiseAlong:
    """The noise scale of several runs along their training."""

    points: tuple[NoisePoint, ...]

    @property
    def sentences(self) -> list[str]:
        """How the noise scale of each run moved, and where its batch stands against the last one."""
        runs: dict[TrainSpec, list[NoisePoint]] = {}
        for point in self.points:
            runs.setdefault(point.spec, []).append(point)
        return [self._of_run(run[0], run[-1]) for run in runs.values()]

    @property
    def sentence(self) -> str:
        """All of them."""
        return " ".join(self.sentences)

    def _of_run(self, first: NoisePoint, last: NoisePoint) -> str:
        spec, named = last.spec, f"{last.spec.parametrization}, width {last.spec.width}, lr {last.spec.lr:.4g}"
        known = last.scale.interval
        if not isinstance(known, Interval):
            return f"{named}: the noise scale at step {last.steps} is unknown, {known.reason}."
        span = f"{named}: the noise scale goes from {_shown(first.scale.examples)} sequences at step {first.steps} to "
        end = (
            f"{_shown(last.scale.examples)} [{known.low:.3g}, {known.high:.3g}] ({_shown(last.tokens)} tokens) at step "
        )
        side = "above it" if spec.batch_size > known.high else "below it" if spec.batch_size < known.low else "about it"
        advice = {
            "above it": "a larger one would save hardly any step",
            "below it": "a larger one would save steps almost in proportion",
            "about it": "it is a fair compromise between steps and tokens",
        }
        return f"{span}{end}{last.steps}. The batch of {spec.batch_size} is {side}: {advice[side]}."

    def rows(self) -> list[dict[str, Any]]:
        """A row for each run and step."""
        return [point.as_row() for point in self.points]


def noise_scale(small_MK: Floats, large_M: Floats, b: int, level: float = 0.95) -> NoiseScale:
    """The noise scale from squared norms of gradients.

    Args:
        small_MK: |g_b|^2 of every small batch.
        large_M: |g_B|^2 of every large one, the mean gradient of its K small ones: B = K b.
        b: examples in a small batch.

    Raises:
        UsageError: with fewer than two small batches in a large one.
    """
    K = small_MK.shape[1]
    if K < 2:
        raise UsageError(f"A large batch must hold at least two small ones; found {K}.")
    B, small_M = K * b, small_MK.mean(1)
    squared_M = (B * large_M - b * small_M) / (B - b)
    trace_M = (small_M - large_M) / (1 / b - 1 / B)
    trace, squared = float(trace_M.mean()), float(squared_M.mean())
    return NoiseScale(trace, squared, _interval(trace_M, squared_M, level))


def _interval(trace_M: Floats, squared_M: Floats, level: float) -> Interval | Unavailable:
    target, unit, M = "noise scale", "examples", len(trace_M)
    if trace_M.sum() <= 0 or squared_M.sum() <= 0:
        return Unavailable(target, f"the gradient cannot be told from its noise over {M} batches: use more", unit)
    left = [((x.sum() - x) / (M - 1) if M > 1 else x) for x in (trace_M, squared_M)]
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.log(left[0] / left[1])
    ratio = float(np.log(trace_M.sum() / squared_M.sum()))
    known = jackknife_interval(target, ratio, without.tolist(), level, unit, of="large batches")
    if isinstance(known, Unavailable):
        return known
    estimate, low, high = (math.exp(x) for x in (known.estimate, known.low, known.high))
    return replace(known, estimate=estimate, low=low, high=high, method=f"{known.method}, of the logarithm")


def noise_scale_along(
    specs: Sequence[TrainSpec],
    *,
    points: int = 6,
    small: int = 4,
    parts: int = 8,
    batches: int = 16,
    level: float = 0.95,
    on_point: Callable[[NoisePoint], None] = lambda point: None,
) -> NoiseAlong:
    """Train each spec on the CPU and measure its noise scale before the first step and at log-spaced ones.

    Args:
        small: sequences in a small batch.
        parts: small batches in a large one.
        batches: large batches of a measurement.

    Raises:
        UsageError: where no run is given, or with fewer than two parts.
    """
    found = []
    for spec in specs:
        for moment in along(spec, (0, *log_spaced(1, spec.steps, points - 1))):
            point = NoisePoint(spec, moment.steps, moment.loss, noise_scale_of(moment, small, parts, batches, level))
            on_point(point)
            found.append(point)
    if not found:
        raise UsageError("No run was named whose noise scale could be measured.")
    return NoiseAlong(tuple(found))


def noise_scale_of(
    moment: Moment, small: int = 4, parts: int = 8, batches: int = 16, level: float = 0.95
) -> NoiseScale:
    """The noise scale of a model as it stands, on held-out sequences."""
    examples = moment.source.validation(moment.spec.context, small * parts * batches)
    small_MK, large_M = np.empty((batches, parts)), np.empty(batches)
    for m in range(batches):
        total = torch.zeros(())
        for k, gradient_P in enumerate(_gradients(moment, examples, m * parts, parts, small)):
            small_MK[m, k] = float(gradient_P @ gradient_P)
            total = total + gradient_P / parts
        large_M[m] = float(total @ total)
    return noise_scale(small_MK, large_M, small, level)


def _gradients(moment: Moment, examples: Examples, first: int, count: int, small: int) -> Iterator[torch.Tensor]:
    """The gradients of `count` small batches, from the `first` on, in double precision."""
    parameters = [p for p in moment.model.parameters() if p.requires_grad]
    for start in range(first * small, (first + count) * small, small):
        inputs, targets = tensors(moment.source, examples.take(np.arange(start, start + small)), "cpu")
        loss = loss_of(moment.source, moment.model(inputs), targets)
        grads = torch.autograd.grad(loss, parameters, materialize_grads=True)
        yield torch.cat([g.flatten() for g in grads]).double()


def _shown(value: float) -> str:
    return format_quantity(value) if math.isfinite(value) else "infinitely many"
