"""What grows before a transformer becomes unstable: attention logits, output logits and the residual stream.

At a pause in training, on held-out sequences: the largest attention logit q.k / sqrt(K) of every block, over the pairs
that are not masked, as the attention itself is given q and k (positions, scales and normalisation applied); the root
mean square of the residual stream after the last block; that of the output logits. Attention saturates as its logits
grow with size and rate, and runs whose largest passed 1e4 diverged (Wortsman et al. 2023, arXiv 2309.14322);
normalised queries and keys (`qk_norm`) cap it at sqrt(K) x the product of the largest gains. Over four sizes or more,
at each rate,

    log10(max logit) = c0 + c1 log10 N + c2 (log10 N)^2          by least squares, as there

foretells the next size. N counts non-embedding parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.polynomial import polynomial
from scipy.stats import t as student
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from runners.models import FAMILIES
from runners.probes._along import Moment, along, log_spaced
from runners.spec import TrainSpec
from runners.validation import tensors
from scalelaw.errors import DataError, UsageError
from scalelaw.results import Interval, Unavailable

LIMIT = 1e4
"""Largest attention logit beyond which runs diverged (Wortsman et al. 2023)."""
NEXT = 4.0
"""How far beyond the largest size a forecast is made, as a factor."""
LARGEST = 300.0
"""Decades at which the end of an interval stands for anything."""
SIZES = 4
"""Sizes from which on a quadratic is fitted: with three it would only connect them."""


@dataclass(frozen=True)
class Growth:
    """The sizes in one run after some steps.

    Attributes:
        n_params: without embeddings.
        logits: the largest attention logit of each block, from the first.
        residual: root mean square of the residual stream after the last block.
        output: root mean square of the output logits.
        loss: of the last step's batch, nats/token.
    """

    spec: TrainSpec
    n_params: int
    steps: int
    logits: tuple[float, ...]
    residual: float
    output: float
    loss: float

    @property
    def largest(self) -> float:
        """The largest attention logit of all blocks."""
        return max(self.logits)

    def as_row(self) -> dict[str, Any]:
        """A row of a table."""
        spec = self.spec
        return {
            "parametrization": spec.parametrization,
            "width": spec.width,
            "depth": spec.depth,
            "n_params_non_embedding": self.n_params,
            "lr": spec.lr,
            "qk_norm": spec.qk_norm,
            "seed": spec.seed,
            "step": self.steps,
            "max_attention_logit": self.largest,
            "residual_rms": self.residual,
            "output_rms": self.output,
            "train_loss": self.loss if np.isfinite(self.loss) else None,
        }


@dataclass(frozen=True)
class Quadratic:
    """log10 of the largest attention logit against log10 N at one rate.

    Attributes:
        arm: the parametrization, and whether with qk_norm.
        coefficients: c0, c1, c2.
        n_params, largest: the runs it was fitted to.
    """

    arm: str
    lr: float
    coefficients: tuple[float, float, float]
    n_params: tuple[float, ...]
    largest: tuple[float, ...]

    @classmethod
    def fit(cls, n_params: Sequence[float], largest: Sequence[float], arm: str, lr: float) -> Quadratic:
        """By least squares.

        Raises:
            DataError: with fewer than four different sizes, or a logit that is not positive.
        """
        sizes = len(set(n_params))
        if sizes < SIZES:
            raise DataError("E_NO_ROWS", f"a quadratic in log N needs at least {SIZES} sizes; found {sizes}")
        if min(largest) <= 0:
            raise DataError("E_NOT_POSITIVE", f"a logarithm needs positive logits; found {min(largest):.3g}")
        c0, c1, c2 = map(float, polynomial.polyfit(np.log10(n_params), np.log10(largest), 2))
        return cls(arm, lr, (c0, c1, c2), tuple(n_params), tuple(largest))

    def predict(self, n_params: float, level: float = 0.95) -> Interval:
        """The largest logit of a new run of another size: Student's t on the log scale, n - 3 degrees of freedom."""
        x, at = np.log10(self.n_params), np.log10(n_params)
        X, row = np.vander(x - x.mean(), 3), np.vander([at - x.mean()], 3)[0]
        residuals = np.log10(self.largest) - polynomial.polyval(x, self.coefficients)
        freedom = len(x) - 3
        variance = (residuals @ residuals) / freedom * (1 + row @ np.linalg.inv(X.T @ X) @ row)
        centre = float(polynomial.polyval(at, self.coefficients))
        half = float(student.ppf(0.5 + level / 2, freedom) * np.sqrt(variance))
        low, high = (10.0 ** min(max(end, -LARGEST), LARGEST) for end in (centre - half, centre + half))
        target, method = f"largest attention logit at N = {n_params:.3g}", "least squares of the log, Student's t"
        return Interval(target, 10.0**centre, low, high, level, method, kind="prediction")

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON, with the forecast."""
        return asdict(self) | {"forecast": self.predict(NEXT * max(self.n_params)).as_dict()}


@dataclass(frozen=True)
class GrowthAlong:
    """The growth in several runs along their training. `diverged` names those that ended before their last pause."""

    points: tuple[Growth, ...]
    diverged: tuple[TrainSpec, ...]
    limit: float = LIMIT

    def peaks(self) -> tuple[Growth, ...]:
        """Of every run, the pause with the largest attention logit."""
        peak: dict[TrainSpec, Growth] = {}
        for point in self.points:
            if point.spec not in peak or point.largest > peak[point.spec].largest:
                peak[point.spec] = point
        return tuple(peak.values())

    def last(self) -> tuple[Growth, ...]:
        """Of every run, the last pause."""
        return tuple({point.spec: point for point in self.points}.values())

    @property
    def beyond(self) -> tuple[Growth, ...]:
        """The peaks that passed the limit."""
        return tuple(point for point in self.peaks() if point.largest > self.limit)

    def quadratics(self) -> tuple[Quadratic | Unavailable, ...]:
        """The fit of the last pauses over size, for each parametrization, with and without qk_norm, at each rate."""
        runs: dict[tuple[str, float], list[Growth]] = {}
        for point in self.last():
            runs.setdefault((arm(point.spec), point.spec.lr), []).append(point)
        return tuple(_quadratic(points, *key) for key, points in sorted(runs.items()))

    @property
    def sentence(self) -> str:
        """Which runs passed the limit or diverged, and what qk_norm did."""
        passed = f"{len(self.beyond)} of {len(self.peaks())} runs pass an attention logit of {self.limit:g}"
        named = ", ".join(f"{_named(p.spec)} ({p.largest:.4g})" for p in self.beyond[:5])
        words = [f"{passed}: {named}" if named else passed]
        if self.diverged:
            shown = ", ".join(_named(spec) for spec in self.diverged[:5])
            words.append(f"{len(self.diverged)} diverged: {shown}")
        arms = {qk: [p.largest for p in self.peaks() if p.spec.qk_norm is qk] for qk in (False, True)}
        if arms[False] and arms[True]:
            words.append(f"the largest is {max(arms[False]):.4g} without qk_norm and {max(arms[True]):.4g} with it")
        return "; ".join(words) + "."

    def forecasts(self) -> list[str]:
        """What the quadratics say of a model four times as large; nothing where there are too few sizes."""
        words = []
        for fit in self.quadratics():
            if isinstance(fit, Quadratic):
                N = NEXT * max(fit.n_params)
                logit = fit.predict(N)
                span = f"{logit.estimate:.3g} [{logit.low:.3g}, {logit.high:.3g}]"
                words.append(
                    f"{fit.arm}, lr {fit.lr:.4g}: at N = {N:.3g} the quadratic foretells a largest logit of {span}."
                )
        return words

    def rows(self) -> list[dict[str, Any]]:
        """A row for each run and pause."""
        return [point.as_row() for point in self.points]


def growth_along(
    specs: Sequence[TrainSpec],
    *,
    points: int = 5,
    examples: int = 32,
    limit: float = LIMIT,
    on_point: Callable[[Growth], None] = lambda point: None,
) -> GrowthAlong:
    """Train each spec on the CPU and measure its growth before the first step and at log-spaced ones.

    Raises:
        UsageError: where no run is given, or one has no attention.
    """
    found, diverged = [], []
    for spec in specs:
        steps = -1
        for moment in along(spec, (0, *log_spaced(1, spec.steps, points - 1))):
            point = growth_of(moment, examples)
            on_point(point)
            found.append(point)
            steps = moment.steps
        diverged += [spec] * (steps < spec.steps)
    if not found:
        raise UsageError("No run was named whose growth could be measured.")
    return GrowthAlong(tuple(found), tuple(diverged), limit)


@torch.no_grad()
def growth_of(moment: Moment, examples: int = 32) -> Growth:
    """The sizes in a model as it stands, on the first held-out sequences."""
    spec, source, model = moment.spec, moment.source, moment.model
    inputs, _ = tensors(source, source.validation(spec.context, examples).take(np.arange(examples)), "cpu")
    blocks = getattr(model, "blocks", None)
    if not isinstance(blocks, nn.ModuleList) or source.kind != "tokens":
        raise UsageError(f"Growth is measured in blocks of attention; the family {spec.model} has none.")
    stream: list[Tensor] = []
    hook = blocks[-1].register_forward_hook(lambda module, args, output: stream.append(output))
    try:
        with _AttentionLogits() as seen:
            output = model(inputs)
    finally:
        hook.remove()
    if not seen.largest:
        raise UsageError(f"Growth is measured in blocks of attention; the family {spec.model} has none.")
    counts = FAMILIES[spec.model].counts(spec, source)
    n_params = counts.n_params_non_embedding
    return Growth(spec, n_params, moment.steps, tuple(seen.largest), _rms(stream[-1]), _rms(output), moment.loss)


class _AttentionLogits(TorchFunctionMode):
    """Keeps the largest unmasked logit of every attention computed within it, from the q and k it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.largest: list[float] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            self.largest.append(_largest_logit(args[0], args[1], kwargs.get("scale"), kwargs.get("is_causal", False)))
        return func(*args, **kwargs)


def _largest_logit(q_BHTK: Tensor, k_BHTK: Tensor, scale: float | None, causal: bool) -> float:
    if q_BHTK.shape[1] != k_BHTK.shape[1]:  # several heads of queries share one of keys
        k_BHTK = k_BHTK.repeat_interleave(q_BHTK.shape[1] // k_BHTK.shape[1], dim=1)
    scale = q_BHTK.shape[-1] ** -0.5 if scale is None else scale
    logits_BHTT = q_BHTK.float() @ k_BHTK.float().mT * scale
    if causal:
        T = logits_BHTT.shape[-1]
        logits_BHTT = logits_BHTT.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
    return float(logits_BHTT.max())


def _quadratic(points: Sequence[Growth], named: str, lr: float) -> Quadratic | Unavailable:
    sizes, largest = [float(point.n_params) for point in points], [point.largest for point in points]
    try:
        return Quadratic.fit(sizes, largest, named, lr)
    except DataError as error:
        return Unavailable(f"growth of {named} at lr {lr:.4g}", error.problem)


def _rms(x: Tensor) -> float:
    return float(x.float().square().mean().sqrt())


def arm(spec: TrainSpec) -> str:
    """What sizes and rates are compared within."""
    return f"{spec.parametrization} with qk_norm" if spec.qk_norm else spec.parametrization


def _named(spec: TrainSpec) -> str:
    return f"{arm(spec)}, width {spec.width}, lr {spec.lr:.4g}"
