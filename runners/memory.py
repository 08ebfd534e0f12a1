"""What training a spec holds in memory, from formulas: nothing is built.

Symbols: N parameters, B examples in a pass, T positions (tokens, patches or pixels) of an example, L layers, d width, F
feed-forward width, G K keys' width, V outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from runners.corpora import Source
from runners.models import FAMILIES
from runners.spec import TrainSpec

SINGLE = 4
"""Bytes of a number in single precision, in which parameters, gradients, moments, norms and the residual stream are."""
HALF = 2
VALIDATED = 256
"""Examples in a pass of `runners.validation`, which keeps no activations."""


@dataclass(frozen=True)
class Memory:
    """Bytes that training on one device holds, without sharding and without recomputation.

    Attributes:
        parameters: 4 N, and with bf16 2 N more for what autocast makes of them.
        gradients: 4 N.
        optimizer: the moments of AdamW, 8 N; of SGD with momentum, 4 N.
        activations: what the backward pass needs of one pass's B examples, and the logits.
        validation: the largest tensors of a validation pass.
        accumulates: whether a step takes several passes, so that gradients stand beside activations.
    """

    parameters: float
    gradients: float
    optimizer: float
    activations: float
    validation: float
    accumulates: bool

    @property
    def total(self) -> float:
        """The most that is held at once.

        Gradients come as activations go; both are held where passes accumulate, and gradients stay while validating.
        """
        passing = self.activations + (self.gradients if self.accumulates else 0.0)
        return self.parameters + self.optimizer + max(passing, self.gradients + self.validation)


def memory_of(spec: TrainSpec, source: Source) -> Memory | None:
    """The estimate for a spec; None for a family without a formula.

    Activations are counted tensor by tensor, in the manner of Korthikanti et al. 2022 (arXiv 2205.05198, section 4.1),
    for these models: no biases, RMSNorm, fused attention (which keeps q, k, v, its output and a number a head, and no
    T x T matrix). A transformer keeps, in numbers a token and layer,

        6 d   of the two norms: input, normalised input, and that times the gain (fused norms keep 4 d)
        2 d + 2 G K   queries, keys, values and what attention gives; d + G K more if rotated, twice that if normalised
        2 F   before and after the activation; F where its output says its derivative (relu, tanh), 4 F for swiglu

    and d for each branch with dropout; at the end 3 d and 16 V bytes of logits, their log-softmax and the gradients of
    both. With bf16 the matrices' inputs and outputs take 2 bytes, all else 4; attention that is not fused, which a CPU
    runs in bf16, keeps 2 T^2 bytes a head more.
    """
    formula = FORMULAS.get(spec.model)
    if formula is None:
        return None
    n_params = FAMILIES[spec.model].counts(spec, source).n_params
    half = spec.precision == "bf16"
    single, other = formula(spec, source)
    logits = SINGLE * source.outputs * spec.context
    moments = 2 if spec.optimizer == "adamw" else 1 if spec.momentum else 0
    examples = spec.micro_batch or spec.batch_size
    validated = min(max(spec.val_tokens // spec.context, 1), VALIDATED)
    return Memory(
        parameters=float(n_params) * (SINGLE + (HALF if half else 0)),
        gradients=float(SINGLE * n_params),
        optimizer=float(SINGLE * moments * n_params),
        activations=examples * (SINGLE * single + (HALF if half else SINGLE) * other + 4 * logits),
        validation=validated * max((HALF if half else SINGLE) * _widest(spec, source), (3 if half else 2) * logits),
        accumulates=examples < spec.batch_size,
    )


Formula = Callable[[TrainSpec, Source], tuple[float, float]]


def _blocks(spec: TrainSpec, tokens: int) -> tuple[float, float]:
    """A stack of transformer blocks and its final norm."""
    d, L, F = spec.width, spec.depth, spec.ff_ratio * spec.width
    keys = spec.kv_heads * spec.head_dim or d
    heads = d // spec.head_dim
    dropped = 2 * d if spec.dropout else 0
    single = L * (4 * d + heads + dropped + (2 * (d + keys) if spec.qk_norm else 0)) + 2 * d
    feed_forward = {"gelu": 2, "swiglu": 4}.get(spec.activation, 1) * F
    rotated = d + keys if spec.positions == "rope" and not spec.qk_norm else 0
    other = L * (2 * d + 2 * d + 2 * keys + rotated + feed_forward) + d
    return tokens * single, tokens * other


def _transformer(spec: TrainSpec, source: Source) -> tuple[float, float]:
    return _blocks(spec, spec.context)


def _vit(spec: TrainSpec, source: Source) -> tuple[float, float]:
    single, other = _blocks(spec, _positions(spec, source))
    return single + _inputs(source), other


def _lstm(spec: TrainSpec, source: Source) -> tuple[float, float]:
    """A layer keeps its norm's three, the gates f, i, o and u, the cell, its tanh and the state."""
    d, L, T = spec.width, spec.depth, spec.context
    return T * (L * (9 if spec.dropout else 8) * d + 2 * d), T * (L * 2 * d + d)


def _mlp(spec: TrainSpec, source: Source) -> tuple[float, float]:
    """Each layer's output, and with gelu what it was made from."""
    return float(_inputs(source)), (spec.depth + 1) * spec.width * (2 if spec.activation == "gelu" else 1)


def _resnet(spec: TrainSpec, source: Source) -> tuple[float, float]:
    """A norm's input and normalised input, and the activation's output, for gelu also its input."""
    positions, between = _positions(spec, source), 4 if spec.activation == "gelu" else 3
    layers = (2 * spec.depth + 1) * between + (spec.depth if spec.dropout else 0)
    return float(_inputs(source)), positions * layers * spec.width


def _inputs(source: Source) -> int:
    return math.prod(source.input_shape)


def _positions(spec: TrainSpec, source: Source) -> int:
    """Places of an example that a layer computes at."""
    if spec.model not in ("vit", "resnet"):
        return spec.context
    _, H, W = source.input_shape
    return H * W // (spec.patch**2 if spec.model == "vit" else 1)


def _widest(spec: TrainSpec, source: Source) -> float:
    """The numbers that a layer without gradients holds at once, for one example."""
    between = 2 + (4 if spec.activation == "swiglu" else 2) * spec.ff_ratio
    widths = {"lstm": 10, "mlp": 2, "resnet": 5}.get(spec.model, between)
    return float(_positions(spec, source) * widths * spec.width)


FORMULAS: dict[str, Formula] = {
    "transformer": _transformer,
    "vit": _vit,
    "lstm": _lstm,
    "mlp": _mlp,
    "resnet": _resnet,
}
