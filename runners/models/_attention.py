"""Self-attention.

Dimensions: B sequences, T positions, D width, H heads, G heads of keys and values, K head size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from runners.models._layers import Linear, Norm
from runners.models._rules import Rules
from runners.parametrizations import Role
from runners.spec import TrainSpec
from scalelaw.errors import UsageError

ROPE_BASE = 10_000.0
"""Su et al. 2021, arXiv 2104.09864."""


class Attention(nn.Module):
    """Softmax attention with logits `scale` q.k.

    The scale is 1/sqrt(K), or sqrt(K0)/K where the spec asks for `linear`: muP's 1/K, for families whose heads grow
    from K0 (Yang et al. 2022, arXiv 2203.03466). At one head size both are a constant. H/G neighbouring
    heads share their keys and values (Ainslie et al. 2023, arXiv 2305.13245). With `qk_norm` every query and key has a
    root mean square of 1, times one gain for each of the K features (Wortsman et al. 2023, arXiv 2309.14322).
    """

    def __init__(self, spec: TrainSpec, causal: bool = True, rope: bool = False) -> None:
        super().__init__()
        D, K, rules = spec.width, spec.head_dim, Rules(spec)
        self.head_dim, self.heads, self.kv_heads = K, D // K, spec.kv_heads or D // K
        self.causal, self.rope, self.zero_query = causal, rope, spec.zero_query
        self.scale = K**-0.5 if spec.attention_scale == "sqrt" else (spec.base_head_dim or K) ** 0.5 / K
        self.qkv = Linear(D, (self.heads + 2 * self.kv_heads) * K, rules(Role.hidden, D))
        self.query_norm = Norm(K, rules(Role.norm)) if spec.qk_norm else None
        self.key_norm = Norm(K, rules(Role.norm)) if spec.qk_norm else None
        self.out = Linear(D, D, rules(Role.hidden, D))

    def forward(self, x_BTD: Tensor) -> Tensor:
        q_BHTK, k_BGTK, v_BGTK = self.split(self.qkv(x_BTD))
        y_BHTK = attend(q_BHTK, k_BGTK, v_BGTK, self.scale, self.causal)
        y_BTD: Tensor = self.out(y_BHTK.transpose(1, 2).reshape(x_BTD.shape))
        return y_BTD

    def split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values as they are attended with, from what `qkv` gives."""
        sizes = [self.heads, self.kv_heads, self.kv_heads]
        q_BTHK, k_BTGK, v_BTGK = torch.split(qkv.view(*qkv.shape[:-1], -1, self.head_dim), sizes, dim=-2)
        if self.query_norm is not None and self.key_norm is not None:
            q_BTHK, k_BTGK = self.query_norm(q_BTHK), self.key_norm(k_BTGK)
        if self.rope:
            q_BTHK, k_BTGK = rotated(q_BTHK), rotated(k_BTGK)
        return (
            q_BTHK.type_as(qkv).transpose(-2, -3),
            k_BTGK.type_as(qkv).transpose(-2, -3),
            v_BTGK.transpose(-2, -3),
        )


def attend(q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, causal: bool) -> Tensor:
    """softmax(scale q.k) v: the one place that chooses how.

    Milliseconds of one core, forward and backward, 16 sequences of 128, D = 256 in heads of 16 / 64 (torch 2.13):

    |      | fused       | fused kernel off | plain products |
    |------|-------------|------------------|----------------|
    | fp32 | 19.3 / 13.2 | 30.4 / 14.6      | 34.2 / 14.9    |
    | bf16 | 68.5 / 21.9 | 33.4 / 15.8      | 22.4 / 7.1     |

    Smaller widths and contexts say the same. So plain products serve bf16 on a CPU, and torch's choice all else.
    """
    if q_BHTK.device.type == "cpu" and q_BHTK.dtype == torch.bfloat16:
        return _plain(q_BHTK, k_BGTK, v_BGTK, scale, causal)
    shared = q_BHTK.shape[1] != k_BGTK.shape[1]
    return functional.scaled_dot_product_attention(
        q_BHTK, k_BGTK, v_BGTK, is_causal=causal, scale=scale, enable_gqa=shared
    )


def _plain(q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, causal: bool) -> Tensor:
    H, G, T = q_BHTK.shape[1], k_BGTK.shape[1], q_BHTK.shape[2]
    k_BHTK, v_BHTK = (x.repeat_interleave(H // G, dim=1) if G < H else x for x in (k_BGTK, v_BGTK))
    logits_BHTT = (q_BHTK * scale) @ k_BHTK.mT
    if causal:
        future_TT = torch.ones(T, T, dtype=torch.bool, device=q_BHTK.device).triu(1)
        logits_BHTT = logits_BHTT.masked_fill(future_TT, -math.inf)
    return logits_BHTT.softmax(dim=-1).type_as(v_BHTK) @ v_BHTK


def rotated(x_BTHK: Tensor) -> Tensor:
    """Rotary positions: features i and i + K/2 turned by the angle t ROPE_BASE^(-2i/K) at position t.

    The logits of two positions then depend on their distance alone (Su et al. 2021, arXiv 2104.09864).
    """
    _, T, _, K = x_BTHK.shape
    frequency = ROPE_BASE ** -(torch.arange(0, K, 2, device=x_BTHK.device) / K)
    angle_T1k = torch.arange(T, device=x_BTHK.device)[:, None, None] * frequency
    cos, sin = angle_T1k.cos(), angle_T1k.sin()
    a, b = x_BTHK.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


@torch.no_grad()
def zero_queries(model: nn.Module) -> None:
    """Start the queries at zero where the spec asks for it, so that attention begins as a mean.

    Source: Yang et al. 2022, arXiv 2203.03466.
    """
    for module in model.modules():
        if isinstance(module, Attention) and module.zero_query:
            module.qkv.weight[: module.heads * module.head_dim] = 0.0


def check_heads(spec: TrainSpec) -> None:
    """Refuse heads that do not fit.

    Raises:
        UsageError: where heads do not fill the width, or options contradict one another.
    """
    heads = spec.width // spec.head_dim
    if spec.width % spec.head_dim:
        raise UsageError(f"width {spec.width} must be a multiple of head_dim {spec.head_dim}.")
    if spec.kv_heads and heads % spec.kv_heads:
        raise UsageError(f"kv_heads {spec.kv_heads} must divide the {heads} heads of width {spec.width}.")
    if spec.positions == "rope" and spec.head_dim % 2:
        raise UsageError(f"Rotary positions need an even head_dim; found {spec.head_dim}.")
    if spec.base_head_dim and spec.attention_scale != "linear":
        raise UsageError(f"base_head_dim {spec.base_head_dim} is read where attention_scale is linear only.")
    if spec.zero_query and spec.qk_norm:
        raise UsageError(
            "zero_query has no meaning with qk_norm, which gives every query the size 1: drop one of them."
        )
