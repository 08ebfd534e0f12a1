"""Layers that know the rules of their tensors.

Every layer also computes a stack of K models at once: where its tensors have one more leading axis K, so have its
inputs and outputs. Dimensions: K models, I inputs, O outputs, R rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runners.parametrizations import Rule


class Ruled(nn.Module):
    """A module that holds tensors of its own; `rules` has the rule of each, by name."""

    def __init__(self, **rules: Rule) -> None:
        super().__init__()
        self.rules = rules


class Linear(Ruled):
    """y_..O = output x_..I W_OI + b_O, with the bias where it has a rule."""

    def __init__(self, n_in: int, n_out: int, rule: Rule, bias: Rule | None = None) -> None:
        super().__init__(weight=rule, **({"bias": bias} if bias else {}))
        self.output = rule.output
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = product(x, self.weight)
        y = y if self.output == 1.0 else y * self.output
        return y if self.bias is None else y + spread(self.bias, y)


class Norm(Ruled):
    """RMSNorm with a gain."""

    def __init__(self, width: int, rule: Rule) -> None:
        super().__init__(weight=rule)
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.dim() == 1:
            return functional.rms_norm(x, self.weight.shape, self.weight, eps=1e-6)
        return functional.rms_norm(x, self.weight.shape[-1:], eps=1e-6) * spread(self.weight, x)


class Table(Ruled):
    """Rows looked up by index: token or position embeddings."""

    def __init__(self, rows: int, width: int, rule: Rule) -> None:
        super().__init__(weight=rule)
        self.weight = nn.Parameter(torch.empty(rows, width))

    def forward(self, index: Tensor) -> Tensor:
        if self.weight.dim() == 2:
            return functional.embedding(index, self.weight)
        K, R, _ = self.weight.shape
        first_K = torch.arange(K, device=index.device) * R
        return functional.embedding(index + first_K.view(K, *[1] * (index.dim() - 1)), self.weight.flatten(0, 1))


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x_..I W_OI, or x_K..I W_KOI."""
    if weight.dim() == 2:
        return functional.linear(x, weight)
    K, O, _ = weight.shape  # noqa: E741
    return torch.bmm(x.reshape(K, -1, x.shape[-1]), weight.mT).view(*x.shape[:-1], O)


def spread(features: Tensor, x: Tensor) -> Tensor:
    """Features `[O]`, or `[K, O]` of a stack, so that they broadcast over x `[..., O]` or `[K, ..., O]`."""
    if features.dim() == 1:
        return features
    return features.view(features.shape[0], *[1] * (x.dim() - 2), features.shape[1])


@torch.no_grad()
def initialise(model: nn.Module, seed: int) -> None:
    """Draw every matrix and table with the deviation of its rule, in the modules' order; gains and biases stay."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, Ruled) and module.get_parameter("weight").dim() > 1:
            module.get_parameter("weight").normal_(0.0, module.rules["weight"].std, generator=generator)
