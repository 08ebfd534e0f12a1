"""What stands between two matrices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from runners.spec import TrainSpec
from scalelaw.errors import UsageError

POINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
    "tanh": torch.tanh,
}


def activate(name: str, x: Tensor) -> Tensor:
    """The activation of x, or `swiglu`, silu(a) b of the halves [a, b] of x (Shazeer 2020, arXiv 2002.05202)."""
    if name == "swiglu":
        a, b = x.chunk(2, dim=-1)
        return functional.silu(a) * b
    return POINTWISE[name](x)


def require_pointwise(spec: TrainSpec) -> None:
    """Refuse a gated activation, for families without a pair of matrices to gate.

    Raises:
        UsageError: for `swiglu`.
    """
    if spec.activation not in POINTWISE:
        raise UsageError(
            f"The family {spec.model} has the activations {', '.join(POINTWISE)}; found {spec.activation!r}."
        )
