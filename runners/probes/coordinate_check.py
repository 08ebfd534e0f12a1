"""The coordinate check: does what a model computes keep its size as the model widens?

A family of models of growing width takes a few AdamW steps on the same data. For every quantity below, the mean |x| at
initialisation and the mean |x - x_0| after the steps are fitted by

    log2 value = slope x log2 width + constant

Under muP the change of every quantity has slope 0: each feature learns at the same pace at every width, which is why the
best learning rate transfers. Under the standard parametrization hidden features move faster the wider the model. The
logits of muP may start out falling like width^-1/2, for their read-out is the sum of D terms of size 1/D.

Source: Yang et al. 2022, arXiv 2203.03466, appendix D.1.

Dimensions: B sequences, T positions, H heads, K head size, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from runners.corpora import CORPORA
from runners.models.transformer import Attention, Transformer, parameter_groups
from runners.spec import TrainSpec
from scalelaw.errors import UsageError

QUANTITIES = ("embedding", "attention logits", "attention output", "mlp output", "residual stream", "logits")

BASE = TrainSpec(
    corpus="markov", width=64, depth=2, n_tokens=2**14, base_width=64, batch_size=8, context=32, lr=2.0**-7
)
"""The model at base width. Its rate is low enough that no width leaves the regime in which changes add up."""

FLAT = 0.2
"""muP's changes measure -0.12 to 0.00 at the defaults, the standard ones that grow 0.64 to 1.6."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope of log2 value against log2 width, with its standard error over the seeds."""

    value: float
    standard_error: float

    def grows(self) -> bool:
        """Whether it lies above `FLAT` by more than two standard errors."""
        return self.value - 2 * self.standard_error > FLAT

    def is_flat(self) -> bool:
        """Whether it lies within `FLAT` of zero."""
        return abs(self.value) <= FLAT


@dataclass(frozen=True)
class CoordinateCheck:
    """The sizes of every quantity at every width, and their slopes.

    Attributes:
        initial: mean |x| at initialisation, `[quantity, width, seed]`.
        change: mean |x - x_0| after `steps` steps, likewise.
    """

    parametrization: str
    widths: tuple[int, ...]
    steps: int
    lr: float
    initial: Floats
    change: Floats

    @cached_property
    def initial_slopes(self) -> dict[str, Slope]:
        """The slope of each quantity's size at initialisation."""
        return _slopes(self.widths, self.initial)

    @cached_property
    def change_slopes(self) -> dict[str, Slope]:
        """The slope of each quantity's change."""
        return _slopes(self.widths, self.change)

    @property
    def growing(self) -> tuple[str, ...]:
        """The quantities whose change, or whose size from the start, grows with width."""
        return tuple(q for q in QUANTITIES if self.change_slopes[q].grows() or self.initial_slopes[q].grows())

    @property
    def passed(self) -> bool:
        """Whether nothing grows and every change is flat, as muP promises."""
        return not self.growing and all(slope.is_flat() for slope in self.change_slopes.values())

    @property
    def verdict(self) -> str:
        """The outcome as a sentence."""
        if self.growing:
            return f"{self.parametrization}: {', '.join(self.growing)} grow with width; a learning rate will not transfer."
        if self.passed:
            return f"{self.parametrization}: every change is flat in width; a learning rate can transfer."
        falling = [q for q, slope in self.change_slopes.items() if not slope.is_flat()]
        return f"{self.parametrization}: {', '.join(falling)} learn less the wider the model."

    def rows(self) -> list[dict[str, object]]:
        """The table: one row a quantity, with both slopes and the mean change at every width."""
        return [
            {
                "quantity": quantity,
                "initial_slope": self.initial_slopes[quantity].value,
                "initial_se": self.initial_slopes[quantity].standard_error,
                "change_slope": self.change_slopes[quantity].value,
                "change_se": self.change_slopes[quantity].standard_error,
                **{f"change_{width}": float(self.change[i, w].mean()) for w, width in enumerate(self.widths)},
            }
            for i, quantity in enumerate(QUANTITIES)
        ]

    def __str__(self) -> str:
        lines = [f"{'quantity':<18}{'slope at start':>20}{'slope of change':>20}"]
        for quantity in QUANTITIES:
            start, change = self.initial_slopes[quantity], self.change_slopes[quantity]
            lines.append(f"{quantity:<18}{_shown(start):>20}{_shown(change):>20}")
        return "\n".join([*lines, self.verdict])


def coordinate_check(
    parametrization: str,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    steps: int = 4,
    seeds: Sequence[int] = (0, 1, 2),
    base: TrainSpec = BASE,
) -> CoordinateCheck:
    """Measure a parametrization at several widths; `base` gives everything but the width and the seed.

    Raises:
        UsageError: with fewer than two widths or seeds, which leave no slope or no standard error.
    """
    if len(set(widths)) < 2 or len(set(seeds)) < 2 or steps < 1:
        raise UsageError("A coordinate check needs at least two widths, two seeds and one step.")
    sizes = np.empty((2, len(QUANTITIES), len(widths), len(seeds)))
    for w, width in enumerate(widths):
        for s, seed in enumerate(seeds):
            spec = replace(base, parametrization=parametrization, width=width, seed=seed)
            sizes[:, :, w, s] = _sizes(spec, steps)
    return CoordinateCheck(parametrization, tuple(widths), steps, base.lr, sizes[0], sizes[1])


def _sizes(spec: TrainSpec, steps: int) -> Floats:
    """Mean |x| at initialisation and mean |x - x_0| after the steps, `[2, quantity]`."""
    corpus = CORPORA[spec.corpus]
    windows = corpus.training(spec.context, (steps + 1) * spec.batch_size, spec.seed)
    data_SBT = torch.from_numpy(windows).long().view(steps + 1, spec.batch_size, -1)
    model = Transformer(spec, corpus.vocab)
    optimizer = torch.optim.AdamW(parameter_groups(model, spec), betas=(spec.beta1, spec.beta2))
    before = _quantities(model, data_SBT[0])
    for tokens_BT in data_SBT[1:]:
        logits_BTV = model(tokens_BT[:, :-1])
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(logits_BTV.flatten(0, 1), tokens_BT[:, 1:].flatten()))
        optimizer.step()
    after = _quantities(model, data_SBT[0])
    initial = [_mean_size(before[name]) for name in QUANTITIES]
    change = [_mean_size(after[name] - before[name]) for name in QUANTITIES]
    return np.array([initial, change])


@torch.no_grad()
def _quantities(model: Transformer, tokens_BT: Tensor) -> dict[str, Tensor]:
    """What every quantity is on these tokens; those of a block are stacked over the blocks."""
    inputs: dict[nn.Module, Tensor] = {}
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        inputs[module], outputs[module] = args[0], output

    hooks = [module.register_forward_hook(keep) for module in model.modules()]
    logits_BTV = model(tokens_BT[:, :-1])
    for hook in hooks:
        hook.remove()
    blocks = list(model.blocks)
    attentions = [module for module in model.modules() if isinstance(module, Attention)]
    return {
        "embedding": inputs[blocks[0]],
        "attention logits": torch.stack([_attention_logits(a, outputs[a.qkv]) for a in attentions]),
        "attention output": torch.stack([outputs[a] for a in attentions]),
        "mlp output": torch.stack([outputs[block.get_submodule("down")] for block in blocks]),
        "residual stream": outputs[blocks[-1]],
        "logits": logits_BTV,
    }


def _attention_logits(attention: Attention, qkv: Tensor) -> Tensor:
    """q.k / sqrt(K) of every pair of positions, the masked ones too: they are as large as the others."""
    B, T, _ = qkv.shape
    q_BHTK, k_BHTK, _ = qkv.view(B, T, 3, -1, attention.head_dim).permute(2, 0, 3, 1, 4)
    logits_BHTT: Tensor = q_BHTK @ k_BHTK.transpose(-1, -2) * attention.head_dim**-0.5
    return logits_BHTT


def _mean_size(x: Tensor) -> float:
    return x.abs().mean().item()


def _slopes(widths: Sequence[int], sizes_QWS: Floats) -> dict[str, Slope]:
    """One slope for each seed by least squares; their mean, and its standard error."""
    x_W = np.log2(widths) - np.log2(widths).mean()
    slope_QS = np.einsum("w,qws->qs", x_W, np.log2(sizes_QWS)) / (x_W @ x_W)
    error_Q = slope_QS.std(axis=1, ddof=1) / np.sqrt(slope_QS.shape[1])
    return {q: Slope(float(slope_QS[i].mean()), float(error_Q[i])) for i, q in enumerate(QUANTITIES)}


def _shown(slope: Slope) -> str:
    return f"{slope.value:+.3f} ± {slope.standard_error:.3f}"
