"""The coordinate check: does what a model computes keep its pace as the model widens, or deepens?

Models of growing size take a few steps on the same data. For every quantity of `runners.probes.quantities`, the root
mean square of x at initialisation and of x - x_0 after the steps is fitted, seed by seed, by

    log2 rms = slope x log2 width + constant            (or log2 depth)

What theory says of the slopes, for Adam at a fixed learning rate (Yang et al. 2022, arXiv 2203.03466, appendix D.1 and
tables 3 and 8; Yang & Hu 2020, arXiv 2011.14522, for the exponents; Dey et al. 2025, arXiv 2505.01618, for depth):

| quantity                                  | start          | change, muP | change, standard |
|-------------------------------------------|----------------|-------------|------------------|
| embedding, gains, biases                  | 0              | 0           | 0                |
| layers, attention logits, residual stream | 0              | 0           | grows            |
| read-out                                  | 0, muP -1/2    | 0           | grows            |
| in depth: all of these                    | 0              | CompleteP 0 | muP grows        |

muP's read-out multiplies by 1/m a sum of `width` independent terms, so what it gives starts out falling like
width^-1/2: theory, not a fault. Under the standard parametrization one step of Adam moves a sum of `width` aligned
terms by the learning rate each: slope 1, less where a normalisation holds it back. A sum over residual branches that
learn one thing grows like the depth, unless each adds a share of 1/depth.

How the setting was found. The start is that of the model asked for; the change is measured with a read-out that starts
at zero, as Yang et al. advise (appendix D.2): else the old read-out, which falls like width^-1/2, and the gradients
through it enter every change, and slopes at widths of 64 to 512 lie at -0.02 to -0.20 for a reason that is gone at
infinite width. The first step then trains the read-out alone, so two are the least. Sizes are root mean squares because
theory speaks of sums of squares; a mean of |x| also feels how the shape of the distribution follows the width. There is
no weight decay, which changes everything in proportion and so looks flat, and no clipping, whose one norm over all
tensors follows no parametrization's rules. In depth the base is one layer: what branches add at initialisation is noise
that averages out like 1/depth, and is then small from the start.

Dimensions: Q quantities, V values of width or depth, R seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer
from runners.parametrizations import PARAMETRIZATIONS
from runners.probes._threads import one_thread
from runners.probes.quantities import READOUT, is_readout, quantities
from runners.probes.slopes import TOLERANCE, Floats, Slope, Verdict, fit_slope, worst
from runners.spec import TrainSpec
from runners.training import gradients
from runners.validation import tensors
from scalelaw.errors import UsageError

Axis = Literal["width", "depth"]

SMALL = TrainSpec(
    corpus="markov", width=64, depth=2, n_tokens=2**14, base_width=64, base_depth=1, batch_size=8, context=32,
    lr=2.0**-7, weight_decay=0.0, grad_clip=1e9,
)  # fmt: skip
"""A model that takes seconds. Its rate is low enough that features still add up what they learn."""
SGD_LR = 2.0**-4
"""A rate for `SMALL` under SGD, likewise low."""
SOURCES = {"tokens": "markov", "images": "digits_classes", "vectors": "random_features"}
"""What a family of models is checked on, the first kind that it reads."""

MEANING = {
    Verdict.flat: "a learning rate tuned on a small model can be used on a larger one",
    Verdict.undecided: "the seeds scatter more than the tolerance; take more of them, or larger sizes",
    Verdict.vanishes: "the larger the model, the less it learns at one learning rate",
    Verdict.grows: "a learning rate tuned on a small model is too high for a larger one",
}


@dataclass(frozen=True)
class CoordinateCheck:
    """The size of every quantity at every width (or depth) and seed, their slopes and the verdict.

    Attributes:
        spec: all that the models share; `axis` is what takes the `values`.
        start: root mean square at initialisation, `[quantity, value, seed]`.
        change: root mean square of the change after `steps` steps, likewise.
    """

    spec: TrainSpec
    axis: Axis
    values: tuple[int, ...]
    steps: int
    seeds: tuple[int, ...]
    quantities: tuple[str, ...]
    start: Floats
    change: Floats
    tolerance: float = TOLERANCE

    @cached_property
    def start_slopes(self) -> dict[str, Slope]:
        """The slope of each quantity's size at initialisation."""
        falls = PARAMETRIZATIONS[self.spec.parametrization].output_exponent if self.axis == "width" else 0.0
        return self._slopes(self.start, {READOUT: falls})

    @cached_property
    def change_slopes(self) -> dict[str, Slope]:
        """The slope of each quantity's change."""
        return self._slopes(self.change, {})

    def _slopes(self, sizes_QVR: Floats, theory: Mapping[str, float]) -> dict[str, Slope]:
        return {
            name: fit_slope(self.values, sizes_VR, theory.get(name, 0.0), self.tolerance)
            for name, sizes_VR in zip(self.quantities, sizes_QVR, strict=True)
        }

    @property
    def verdict(self) -> Verdict:
        """The worst of all slopes' verdicts."""
        return worst([*self.start_slopes.values(), *self.change_slopes.values()])

    @property
    def sentence(self) -> str:
        """The verdict, the slopes behind it and what it means for a learning rate."""
        changes = {f"change of {name}": slope for name, slope in self.change_slopes.items()}
        departing = {n: s for n, s in (self.start_slopes | changes).items() if s.verdict is not Verdict.flat}
        named = ", ".join(f"{name} ({slope})" for name, slope in departing.items())
        what = named or f"every slope is within {self.tolerance:g} of what theory asks for"
        where = f"{self.axis}s {self.values[0]} to {self.values[-1]}"
        return f"{self.spec.parametrization}, {where}, {self.verdict}: {what}; {MEANING[self.verdict]}."

    def rows(self) -> list[dict[str, float | str | None]]:
        """The table as data: a row for each quantity, with both slopes and its mean sizes at every value."""
        return [
            {
                "quantity": name,
                "start_slope": _finite(self.start_slopes[name].value),
                "start_standard_error": self.start_slopes[name].standard_error,
                "change_slope": _finite(self.change_slopes[name].value),
                "change_standard_error": self.change_slopes[name].standard_error,
                "verdict": worst([self.start_slopes[name], self.change_slopes[name]]),
                **{f"start_{value}": _finite(self.start[i, v].mean()) for v, value in enumerate(self.values)},
                **{f"change_{value}": _finite(self.change[i, v].mean()) for v, value in enumerate(self.values)},
            }
            for i, name in enumerate(self.quantities)
        ]


def coordinate_check(
    spec: TrainSpec = SMALL,
    *,
    values: Sequence[int] = (64, 128, 256, 512),
    axis: Axis = "width",
    steps: int = 3,
    seeds: Sequence[int] = (0, 1, 2, 3),
    tolerance: float = TOLERANCE,
) -> CoordinateCheck:
    """Measure how a model family trains at several widths, or depths.

    Args:
        spec: everything but the size and the seed, the base shape included. Models train in fp32 on the CPU at its peak
            rate.
        values: the widths, or depths.
        steps: optimizer steps, 2 to 10; later ones no longer tell the parametrization from what was learned.
        seeds: initialisation and data; at least two, for a standard error.
        tolerance: how far beyond theory a slope may lie.

    Raises:
        UsageError: with fewer than two values or seeds, or fewer than two steps.
    """
    values, seeds = sorted(set(values)), sorted(set(seeds))
    if len(values) < 2 or len(seeds) < 2 or steps < 2:
        raise UsageError("A coordinate check needs at least two sizes, two seeds and two steps.")
    sized = [replace(spec, width=value) if axis == "width" else replace(spec, depth=value) for value in values]
    specs = [[replace(one, seed=seed) for seed in seeds] for one in sized]
    for row in specs:
        FAMILIES[spec.model].check(row[0], CORPORA[spec.corpus])
    with one_thread():
        sizes = [[_sizes(one, steps) for one in row] for row in specs]
    names = tuple(sizes[0][0])
    start_QVR, change_QVR = np.array([[list(s.values()) for s in row] for row in sizes]).transpose(3, 2, 0, 1)
    return CoordinateCheck(spec, axis, tuple(values), steps, tuple(seeds), names, start_QVR, change_QVR, tolerance)


def small(model: str = "transformer", parametrization: str = "mup", optimizer: str = "adamw") -> TrainSpec:
    """`SMALL` of another family, parametrization or optimizer."""
    kind = next(kind for kind in SOURCES if kind in FAMILIES[model].kinds)
    return replace(
        SMALL,
        model=model,
        corpus=SOURCES[kind],
        parametrization=parametrization,
        optimizer=optimizer,
        lr=SMALL.lr if optimizer == "adamw" else SGD_LR,
        context=SMALL.context if kind == "tokens" else 1,
        batch_size=SMALL.batch_size if kind == "tokens" else 64,
    )


def _sizes(spec: TrainSpec, steps: int) -> dict[str, tuple[float, float]]:
    """Of every quantity on held-out examples, its size at initialisation and that of its change after the steps."""
    source = CORPORA[spec.corpus]
    probe = source.validation(spec.context, spec.batch_size).take(np.arange(spec.batch_size))
    inputs, _ = tensors(source, probe, "cpu")
    model = FAMILIES[spec.model].build(spec, source)
    drawn = quantities(model, inputs)
    _silence_readout(model)
    before = quantities(model, inputs)
    _take_steps(model, spec, steps)
    after = quantities(model, inputs)
    return {name: (_size(drawn[name]), _size(after[name] - before[name])) for name in drawn}


@torch.no_grad()
def _silence_readout(model: nn.Module) -> None:
    """A read-out that is also the embedding stays as it is."""
    for module in model.modules():
        if is_readout(module):
            module.get_parameter("weight").zero_()


def _take_steps(model: nn.Module, spec: TrainSpec, steps: int) -> None:
    """Steps at the peak rate, without a schedule: a warm-up would hide the first ones."""
    source = CORPORA[spec.corpus]
    examples = source.training(spec.context, steps * spec.batch_size, spec.seed)
    optimizer = build_optimizer(model, spec)
    for step in range(steps):
        gradients(spec, source, model, model, examples, step, "cpu")
        optimizer.step()


def _size(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
