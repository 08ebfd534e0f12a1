"""K models of one shape as one: every tensor gets a leading axis K, and one pass computes what K passes did.

The layers know what to do with such tensors (`runners.models._layers`); this is the stack and its optimizer step.
Dimensions: K models, G groups of tensors that one rule trains.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Stack:
    """Models of one shape and their optimizers, trained as one.

    Attributes:
        model: the stack. The first axis of its inputs and outputs holds the batches of the K models one after another.

    The tensors of the members, and of their optimizers' states, become windows on those of the stack. So every member
    stays a model and an optimizer of its own, to be evaluated, saved, restored or stacked again with others, and what
    the stack learns is learnt by them. No member sees another: a member's numbers do not depend on who else is there,
    and are those it would reach alone but for rounding.
    """

    def __init__(self, models: Sequence[nn.Module], optimizers: Sequence[Optimizer]) -> None:
        self.model = stack(models)
        self.parameters: list[Tensor] = list(self.model.parameters())
        self.optimizers = list(optimizers)
        self._members = list(zip(*(model.parameters() for model in models), strict=True))
        groups = optimizers[0].param_groups
        group = {id(parameter): g for g, group in enumerate(groups) for parameter in group["params"]}
        self._group = [group[id(members[0])] for members in self._members]
        if isinstance(optimizers[0], torch.optim.AdamW):
            self._first, self._second = self._state("exp_avg"), self._state("exp_avg_sq")
            self._steps = self._step_count()
        else:
            self._first = self._state("momentum_buffer")

    @torch.no_grad()
    def clip(self, limits: Sequence[float]) -> Tensor:
        """Scale each member's gradient down to its limit, as `clip_grad_norm_` does; returns the norms before."""
        gradients = self._gradients()
        # Member by member: what a reduction over one axis rounds to depends on the length of the other.
        parts = [part for gradient in gradients for part in gradient.unbind()]
        norms = torch.stack(torch._foreach_norm(parts)).view(len(gradients), -1)
        norm_K = torch.stack([torch.linalg.vector_norm(own) for own in norms.T.contiguous()])
        share_K = (torch.tensor(limits, device=norm_K.device) / (norm_K + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(gradients, [_column(share_K, gradient) for gradient in gradients])
        return norm_K

    @torch.no_grad()
    def step(self) -> None:
        """Update every member as its own optimizer would, by the rates, decays and epsilons of its groups."""
        (self._adamw if isinstance(self.optimizers[0], torch.optim.AdamW) else self._sgd)()

    def _adamw(self) -> None:
        """Loshchilov & Hutter 2019, arXiv 1711.05101, Algorithm 2, as torch has it.

        m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
        p <- (1 - r w) p - r [m / (1 - beta1^t)] / [sqrt(v / (1 - beta2^t)) + e]

        for a gradient g, rate r, decay w, epsilon e and step t. Members share the betas.
        """
        beta1, beta2 = self.optimizers[0].param_groups[0]["betas"]
        rate_GK, decay_GK, gradients = self._by_group("lr"), self._by_group("weight_decay"), self._gradients()
        self._steps += 1
        steps = self._steps[0].item()
        torch._foreach_lerp_(self._first, gradients, 1 - beta1)
        torch._foreach_mul_(self._second, beta2)
        torch._foreach_addcmul_(self._second, gradients, gradients, 1 - beta2)
        scale = torch._foreach_sqrt(self._second)
        torch._foreach_div_(scale, (1 - beta2**steps) ** 0.5)
        torch._foreach_add_(scale, self._columns(self._by_group("eps")))
        torch._foreach_mul_(self.parameters, self._columns(1 - rate_GK * decay_GK))
        update = torch._foreach_div(self._first, scale)
        torch._foreach_mul_(update, self._columns(rate_GK / (1 - beta1**steps)))
        torch._foreach_sub_(self.parameters, update)

    def _sgd(self) -> None:
        """b <- momentum b + g + w p, p <- p - r b. Members share the momentum."""
        decayed = torch._foreach_mul(self.parameters, self._columns(self._by_group("weight_decay")))
        torch._foreach_mul_(self._first, self.optimizers[0].param_groups[0]["momentum"])
        torch._foreach_add_(self._first, self._gradients())
        torch._foreach_add_(self._first, decayed)
        torch._foreach_sub_(self.parameters, torch._foreach_mul(self._first, self._columns(self._by_group("lr"))))

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self.parameters if parameter.grad is not None]

    def _by_group(self, name: str) -> Tensor:
        """What the members' groups say, `[G, K]`; in double precision until it meets a tensor."""
        said = [[group[name] for group in optimizer.param_groups] for optimizer in self.optimizers]
        return torch.tensor(said, dtype=torch.float64).T.contiguous()

    def _columns(self, values_GK: Tensor) -> list[Tensor]:
        """For each tensor the values of its group, to multiply its members."""
        on_device = values_GK.to(self.parameters[0].device, torch.float32)
        return [_column(on_device[g], p) for g, p in zip(self._group, self.parameters, strict=True)]

    def _state(self, name: str) -> list[Tensor]:
        """What the members' optimizers hold under the name, zeros at first; they then hold windows on it."""
        stacked = []
        for members in self._members:
            held = [optimizer.state[p] for optimizer, p in zip(self.optimizers, members, strict=True)]
            known = [state.get(name) for state in held]
            zero = torch.zeros_like(members[0])
            stacked.append(torch.stack([zero if tensor is None else tensor for tensor in known]))
            for state, window in zip(held, stacked[-1], strict=True):
                state[name] = window
        return stacked

    def _step_count(self) -> Tensor:
        """The step each tensor is at, which is the same one; the members' optimizers then hold windows on it."""
        states = [o.state[p] for members in self._members for o, p in zip(self.optimizers, members, strict=True)]
        steps = torch.tensor([float(state.get("step", 0.0)) for state in states])
        for state, window in zip(states, steps, strict=True):
            state["step"] = window
        return steps


def stack(models: Sequence[nn.Module]) -> nn.Module:
    """One model of K, whose tensors hold those of `models`; these become windows on it."""
    stacked = copy.deepcopy(models[0])
    members = [dict(model.named_parameters()) for model in models]
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([member[name].data for member in members])
        for window, member in zip(parameter.data, members, strict=True):
            member[name].data = window
    return stacked


def _column(values_K: Tensor, like: Tensor) -> Tensor:
    return values_K.view(-1, *[1] * (like.dim() - 1))
