"""The coordinate check: does what a model computes keep its pace as the model widens?

Models of growing width take a few AdamW steps on the same tokens. For every quantity below, the mean |x| at
initialisation and the mean |x - x_0| after the steps are fitted, seed by seed, by

    log2 mean = slope x log2 width + constant

What theory says of the slopes, for Adam at a fixed learning rate (Yang et al. 2022, arXiv 2203.03466, appendix D.1 and
tables 3 and 8; Yang & Hu 2020, arXiv 2011.14522, for the exponents):

| quantity | at the start | change, muP | change, standard |
|----------|--------------|-------------|------------------|
| embedding | 0 | 0 | 0 |
| attention logits, attention and MLP output, residual stream | 0 | 0 | grows |
| logits | muP -1/2, standard 0 | -1/2 to 0 | grows |

muP's read-out multiplies by 1/m a sum of `width` independent terms, so its logits start out falling like width^-1/2.
A part of their change, the old read-out on the new features, falls likewise; the rest, the new read-out, stays. That is
why logits may fall and must not grow, while features may do neither. Under the standard parametrization one step of
Adam moves a sum of `width` aligned terms by the learning rate each: slope 1, and more as layers and steps compound.

Dimensions: S steps, B sequences, T positions, H heads, K head size; Q quantities, W widths, R seeds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runners.corpora import CORPORA, Examples
from runners.models.transformer import Attention, Transformer
from runners.optimizers import build_optimizer
from runners.spec import TrainSpec
from runners.training import gradients
from runners.validation import tensors
from scalelaw.errors import UsageError

QUANTITIES = ("embedding", "attention logits", "attention output", "mlp output", "residual stream", "logits")

LOWEST = dict.fromkeys(QUANTITIES, 0.0) | {"logits": -0.5}
"""The least slope muP's theory allows each quantity; the largest is 0 for all."""

TOLERANCE = 0.25
"""How far beyond theory a slope may lie: half of 1/2, by which the next parametrization (neural tangent) misses.

Measured at widths of 64 to 512, rates of 2^-6 to 2^-10 and 1 to 10 steps: muP's changes had slopes of -0.24 to 0.00,
and all standard ones but the embedding's 0.26 to 2.2.
"""

SMALL = TrainSpec(
    corpus="markov", width=64, depth=2, n_tokens=2**14, base_width=64, batch_size=8, context=32, lr=2.0**-8
)
"""A model that takes seconds. Its rate is low enough that features still add up what they learn."""

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """What slopes say, from good to bad; together they say the worst of them."""

    flat = "flat"
    vanishes = "vanishes"
    grows = "grows"


MEANING = {
    Verdict.flat: "a learning rate tuned at a small width can be used at a larger one",
    Verdict.vanishes: "the wider the model, the less it learns at one learning rate",
    Verdict.grows: "a learning rate tuned at a small width is too high at a larger one",
}


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope of log2 size against log2 width, and its standard error over the seeds.

    `value` is None where a size is 0, as the logits of a read-out that starts at zero, and infinite where one
    overflowed; neither has a standard error.
    """

    value: float | None
    standard_error: float | None
    lowest: float

    @property
    def verdict(self) -> Verdict:
        """Against what muP's theory allows. What has no slope did not grow."""
        if self.value is None or self.lowest - TOLERANCE <= self.value <= TOLERANCE:
            return Verdict.flat
        return Verdict.grows if self.value > TOLERANCE else Verdict.vanishes

    def __str__(self) -> str:
        if self.value is None:
            return "zero"
        error = "" if self.standard_error is None else f" ± {self.standard_error:.3f}"
        return f"{self.value:+.3f}{error}"


@dataclass(frozen=True)
class CoordinateCheck:
    """The size of every quantity at every width and seed, their slopes and the verdict.

    Attributes:
        initial: mean |x| at initialisation, `[quantity, width, seed]`.
        change: mean |x - x_0| after `steps` steps, likewise.
    """

    spec: TrainSpec
    widths: tuple[int, ...]
    steps: int
    seeds: tuple[int, ...]
    initial: Floats
    change: Floats

    @cached_property
    def initial_slopes(self) -> dict[str, Slope]:
        """The slope of each quantity's size at initialisation."""
        return {q: _slope(self.widths, self.initial[i], LOWEST[q]) for i, q in enumerate(QUANTITIES)}

    @cached_property
    def change_slopes(self) -> dict[str, Slope]:
        """The slope of each quantity's change."""
        return {q: _slope(self.widths, self.change[i], LOWEST[q]) for i, q in enumerate(QUANTITIES)}

    @property
    def verdict(self) -> Verdict:
        """The worst of all slopes' verdicts."""
        return _worst([*self.initial_slopes.values(), *self.change_slopes.values()])

    @property
    def sentence(self) -> str:
        """The verdict, the slopes behind it and what it means for a learning rate."""
        slopes = self.initial_slopes | {f"change of {q}": slope for q, slope in self.change_slopes.items()}
        named = ", ".join(f"{name} ({slope})" for name, slope in slopes.items() if slope.verdict is self.verdict)
        what = "every slope is as muP promises" if self.verdict is Verdict.flat else named
        widths = f"widths {self.widths[0]} to {self.widths[-1]}"
        return f"{self.spec.parametrization}, {widths}, {self.verdict}: {what}; {MEANING[self.verdict]}."

    def rows(self) -> list[dict[str, float | str | None]]:
        """The table as data: a row for each quantity, with both slopes and the mean change at every width."""
        return [
            {
                "quantity": quantity,
                "initial_slope": _finite(self.initial_slopes[quantity].value),
                "initial_standard_error": self.initial_slopes[quantity].standard_error,
                "change_slope": _finite(self.change_slopes[quantity].value),
                "change_standard_error": self.change_slopes[quantity].standard_error,
                "verdict": _worst([self.initial_slopes[quantity], self.change_slopes[quantity]]),
                **{f"change_{width}": _finite(self.change[i, w].mean()) for w, width in enumerate(self.widths)},
            }
            for i, quantity in enumerate(QUANTITIES)
        ]


def coordinate_check(
    spec: TrainSpec = SMALL,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    steps: int = 3,
    seeds: Sequence[int] = (0, 1, 2),
    parametrization: str | None = None,
) -> CoordinateCheck:
    """Measure how a model family trains at several widths, the smallest of which is the base width.

    Args:
        spec: everything but the width, the base width and the seed. Models train in fp32 on the CPU at its peak rate.
        steps: AdamW steps, 1 to 10; later ones no longer tell the parametrization from what was learned.
        seeds: initialisation and data; at least two, for a standard error.
        parametrization: instead of the spec's.

    Raises:
        UsageError: with fewer than two widths or seeds, or without a step.
    """
    if len(set(widths)) < 2 or len(set(seeds)) < 2 or steps < 1:
        raise UsageError("A coordinate check needs at least two widths, two seeds and one step.")
    widths, seeds = sorted(set(widths)), sorted(set(seeds))
    spec = replace(spec, base_width=widths[0], parametrization=parametrization or spec.parametrization)
    specs = [[replace(spec, width=width, seed=seed) for seed in seeds] for width in widths]
    with _one_thread():
        sizes = [[_sizes(one, steps) for one in row] for row in specs]
    initial_QWR, change_QWR = np.array(sizes).transpose(2, 3, 0, 1)
    return CoordinateCheck(spec, tuple(widths), steps, tuple(seeds), initial_QWR, change_QWR)


@contextmanager
def _one_thread() -> Iterator[None]:
    """As `train` does: the numbers repeat, and on a busy machine threads would wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _sizes(spec: TrainSpec, steps: int) -> Floats:
    """Mean |x| at initialisation and mean |x - x_0| after the steps, on held-out tokens, `[2, quantity]`."""
    corpus = CORPORA[spec.corpus]
    examples = corpus.training(spec.context, steps * spec.batch_size, spec.seed)
    held_out = corpus.validation(spec.context, spec.batch_size).take(np.arange(spec.batch_size))
    probe_BT, _ = tensors(corpus, held_out, "cpu")
    model = Transformer(spec, corpus.outputs)
    before = _quantities(model, probe_BT)
    _take_steps(model, spec, examples, steps)
    after = _quantities(model, probe_BT)
    changes = {name: after[name] - before[name] for name in QUANTITIES}
    return np.array([[x[name].abs().mean().item() for name in QUANTITIES] for x in (before, changes)])


def _take_steps(model: Transformer, spec: TrainSpec, examples: Examples, steps: int) -> None:
    """Steps at the peak rate, without a schedule: a warm-up would hide the first ones."""
    optimizer = build_optimizer(model, spec)
    for step in range(steps):
        gradients(spec, CORPORA[spec.corpus], model, model, examples, step, "cpu")
        optimizer.step()


@torch.no_grad()
def _quantities(model: Transformer, tokens_BT: Tensor) -> dict[str, Tensor]:
    """Every quantity on these tokens; those of a block are stacked over the blocks."""
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        outputs[module] = output

    hooks = [module.register_forward_hook(keep) for module in model.modules()]
    try:
        logits_BTV = model(tokens_BT)
    finally:
        for hook in hooks:
            hook.remove()
    attentions = [module for module in model.modules() if isinstance(module, Attention)]
    return {
        "embedding": outputs[model.tokens],
        "attention logits": torch.stack([_attention_logits(a, outputs[a.qkv]) for a in attentions]),
        "attention output": torch.stack([outputs[a] for a in attentions]),
        "mlp output": torch.stack([outputs[block.get_submodule("down")] for block in model.blocks]),
        "residual stream": outputs[model.blocks[-1]],
        "logits": logits_BTV,
    }


def _attention_logits(attention: Attention, qkv: Tensor) -> Tensor:
    """q.k / sqrt(K) of every pair of positions, masked pairs included: they are as large as the others."""
    B, T, _ = qkv.shape
    q_BHTK, k_BHTK, _ = qkv.view(B, T, 3, -1, attention.head_dim).permute(2, 0, 3, 1, 4)
    logits_BHTT: Tensor = q_BHTK @ k_BHTK.transpose(-1, -2) * attention.head_dim**-0.5
    return logits_BHTT


def _slope(widths: Sequence[int], sizes_WR: Floats, lowest: float) -> Slope:
    """Least squares for each seed; the mean of their slopes and its standard error."""
    if not np.isfinite(sizes_WR).all():
        return Slope(math.inf, None, lowest)
    if (sizes_WR == 0).any():
        return Slope(None, None, lowest)
    x_W = np.log2(widths) - np.log2(widths).mean()
    slope_R = x_W @ np.log2(sizes_WR) / (x_W @ x_W)
    return Slope(float(slope_R.mean()), float(slope_R.std(ddof=1) / math.sqrt(len(slope_R))), lowest)


def _worst(slopes: Sequence[Slope]) -> Verdict:
    return max((slope.verdict for slope in slopes), key=list(Verdict).index)


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


__all__ = ["QUANTITIES", "SMALL", "TOLERANCE", "CoordinateCheck", "Slope", "Verdict", "coordinate_check"]
