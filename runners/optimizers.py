"""Optimizers whose groups follow the parametrization's rules."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from runners.models._layers import Ruled
from runners.spec import TrainSpec


def parameter_groups(model: nn.Module, spec: TrainSpec) -> list[dict[str, Any]]:
    """Tensors that are trained alike together, with the multiplier their rate keeps under the schedule.

    Both optimizers multiply the decay by the learning rate; an independent one is divided by the peak rate beforehand.
    """
    alike: dict[tuple[float, float, float], dict[int, nn.Parameter]] = {}
    for module in model.modules():
        if isinstance(module, Ruled):
            for name, rule in module.rules.items():
                parameter = module.get_parameter(name)
                alike.setdefault((rule.lr, rule.decay, rule.epsilon), {})[id(parameter)] = parameter
    groups = []
    for (rate, decay_multiplier, epsilon), params in alike.items():
        decay = spec.weight_decay * decay_multiplier
        group = {
            "params": list(params.values()),
            "lr": spec.lr * rate,
            "lr_multiplier": rate,
            "weight_decay": (decay > 0) * spec.weight_decay / (spec.lr * rate) if spec.independent_decay else decay,
        }
        groups.append(group | ({"eps": spec.epsilon * epsilon} if spec.optimizer == "adamw" else {}))
    return groups


def build_optimizer(model: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    """AdamW, or SGD with momentum, over the model's groups."""
    groups = parameter_groups(model, spec)
    if spec.optimizer == "adamw":
        return torch.optim.AdamW(groups, betas=(spec.beta1, spec.beta2), fused=True)
    return torch.optim.SGD(groups, lr=spec.lr, momentum=spec.momentum, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its multiple of the base rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_multiplier"]
