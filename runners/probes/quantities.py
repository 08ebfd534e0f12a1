"""What a model computes on its way, by name: what its matrices give, its attention logits, its residual stream.

Gains and biases count among them: they are as wide as the model and what they are moved by, a feature is.

Dimensions: B sequences, H heads, T positions, K head size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from runners.models._layers import Ruled
from runners.models._residual import Residual
from runners.parametrizations import Role
from runners.parametrizations.base import GAINS_AND_BIASES

ATTENTION_LOGITS, STREAM, READOUT = "attention logits", "residual stream", "read-out"


@torch.no_grad()
def quantities(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Every quantity on these inputs, in the order of the model's parts.

    Layers of one name, as those of all blocks, are looked at half-way down the residual stream: at the one with as many
    branches before it as behind it, or at the nearest on either side. A layer stands where it reads the stream, and one
    that gives what a branch adds stands where that joins. That place is the same at every depth, while the mean over
    layers moves with their number, by a share of 1/depth.
    """
    with _Record() as record:
        hooks = [module.register_forward_hook(hook) for module, hook in record.hooks(model)]
        try:
            output = model(inputs)
        finally:
            for hook in hooks:
                hook.remove()
    found = {name: record.halfway(name) for name in record.calls}
    logits = found.pop(ATTENTION_LOGITS, None)
    found |= {} if logits is None else {ATTENTION_LOGITS: logits}
    found |= {} if record.stream is None else {STREAM: record.stream}
    return found | {READOUT: output}


def is_readout(module: nn.Module) -> bool:
    """Whether it has a matrix of its own that gives the model's outputs."""
    return isinstance(module, Ruled) and module.rules["weight"].role is Role.readout


class _Record(TorchFunctionMode):
    """What layers gave, each with the number of branches that had joined the stream before it.

    Attention logits are q.k x scale of every attention, pairs of positions that are masked included: they are as large.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: defaultdict[str, list[tuple[int, Tensor]]] = defaultdict(list)
        self.joined = 0
        self.stream: Tensor | None = None

    def hooks(self, model: nn.Module) -> Iterable[tuple[nn.Module, Any]]:
        """Modules to watch, and what to do with what they give."""
        for path, module in model.named_modules():
            if isinstance(module, Residual):
                yield module, self._join
            elif isinstance(module, Ruled) and not is_readout(module):
                yield module, self._keep_as(".".join(part for part in path.split(".") if not part.isdigit()))

    def halfway(self, name: str) -> Tensor:
        """The calls nearest to the middle of the stream, stacked."""
        nearest = min(abs(2 * before - self.joined) for before, _ in self.calls[name])
        return torch.stack([x for before, x in self.calls[name] if abs(2 * before - self.joined) == nearest])

    def _join(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.joined, self.stream = self.joined + 1, output
        for calls in self.calls.values():
            if calls[-1][1] is args[1]:
                calls[-1] = (self.joined, args[1])

    def _keep_as(self, name: str) -> Any:
        def keep(module: Ruled, args: Any, output: Tensor) -> None:
            for part, rule in module.rules.items():
                kept = module.get_parameter(part).clone() if rule.role in GAINS_AND_BIASES else output
                self.calls[name if kept is output else f"{name}.{part}"].append((self.joined, kept))

        return keep

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is functional.scaled_dot_product_attention:
            logits = attention_logits(args[0], args[1], (kwargs or {}).get("scale"))
            self.calls[ATTENTION_LOGITS].append((self.joined, logits))
        return func(*args, **(kwargs or {}))


def attention_logits(q_BHTK: Tensor, k_BGTK: Tensor, scale: float | None) -> Tensor:
    """q.k x scale; heads of keys may be fewer than of queries, each serving as many."""
    k_BHTK = k_BGTK.repeat_interleave(q_BHTK.shape[1] // k_BGTK.shape[1], dim=1)
    logits_BHTT: Tensor = q_BHTK @ k_BHTK.mT * (q_BHTK.shape[-1] ** -0.5 if scale is None else scale)
    return logits_BHTT
