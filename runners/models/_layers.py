"""Layers that know the rules of their tensors.

Every layer also computes a stack of K models at once: where its tensors have one more leading axis K, the first axis of
its inputs and outputs holds the batches of the K models one after another. So a network made of these layers becomes a
stack by its tensors alone, and attention, activations and residual sums need not know.
Dimensions: K models, I inputs, O outputs, R rows, T positions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from runners.parametrizations import Rule

Join = Callable[[Tensor, Tensor], Tensor]


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
        y = scaled(product(x, self.weight), self.output)
        return y if self.bias is None else each(torch.add, y, self.bias)


class Norm(Ruled):
    """RMSNorm with a gain."""

    def __init__(self, width: int, rule: Rule) -> None:
        super().__init__(weight=rule)
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        x = at_least_single(x)  # the mean square of half precision has too few digits
        if self.weight.dim() == 1:
            return functional.rms_norm(x, self.weight.shape, self.weight, eps=1e-6)
        normal = functional.rms_norm(x, self.weight.shape[-1:], eps=1e-6)
        return each(torch.mul, normal, self.weight)


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
        row = by_model(index, K) + first_K.view(K, *[1] * index.dim())
        return functional.embedding(row.flatten(0, 1), self.weight.flatten(0, 1))

    def added_to(self, x: Tensor) -> Tensor:
        """x_BTD, and to each of its T positions a row: the first T."""
        return each(torch.add, x, self.weight[..., : x.shape[1], :], dims=2)


def scaled(y: Tensor, factor: float) -> Tensor:
    """factor y, at no cost where the factor is 1."""
    return y if factor == 1.0 else y * factor


def at_least_single(x: Tensor) -> Tensor:
    """x in single precision, or in double where it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x_..I W_OI, each model's rows by its own W of a stack W_KOI."""
    if weight.dim() == 2:
        return functional.linear(x, weight)
    K, O, _ = weight.shape  # noqa: E741
    return torch.bmm(x.reshape(K, -1, x.shape[-1]), weight.mT).view(*x.shape[:-1], O)


def by_model(x: Tensor, K: int) -> Tensor:
    """`[K x B, ...]` as `[K, B, ...]`."""
    return x.reshape(K, -1, *x.shape[1:])


def each(join: Join, x: Tensor, features: Tensor, dims: int = 1) -> Tensor:
    """join(x, features), where features of one model have `dims` axes and each model of a stack has its own."""
    if features.dim() == dims:
        return join(x, features)
    K, *shape = features.shape
    return join(by_model(x, K), features.view(K, *[1] * (x.dim() - dims), *shape)).flatten(0, 1)


@torch.no_grad()
def initialise(model: nn.Module, seed: int) -> None:
    """Draw every matrix and table with the deviation of its rule, in the modules' order; gains and biases stay."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, Ruled) and module.get_parameter("weight").dim() > 1:
            module.get_parameter("weight").normal_(0.0, module.rules["weight"].std, generator=generator)
