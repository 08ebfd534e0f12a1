"""The pre-norm transformer block.

Dimensions: B sequences, T positions, D width, F feed-forward width.
"""

from __future__ import annotations

from torch import Tensor, nn

from runners.models._activations import activate
from runners.models._attention import Attention
from runners.models._layers import Linear, Norm
from runners.models._residual import Residual
from runners.models._rules import Rules
from runners.parametrizations import Role
from runners.spec import TrainSpec
from scalelaw.counting import TransformerShape


class Block(nn.Module):
    """x + attention(norm(x)), then x + down(activation(up(norm(x)))). RMSNorm with gains, no biases."""

    def __init__(self, spec: TrainSpec, causal: bool = True, rope: bool = False) -> None:
        super().__init__()
        D, F, rules = spec.width, spec.ff_ratio * spec.width, Rules(spec)
        self.activation = spec.activation
        self.attention_norm = Norm(D, rules(Role.norm))
        self.attention = Attention(spec, causal, rope)
        self.mlp_norm = Norm(D, rules(Role.norm))
        self.up = Linear(D, F * (2 if spec.activation == "swiglu" else 1), rules(Role.hidden, D))
        self.down = Linear(F, D, rules(Role.hidden, F))
        self.residual = Residual(spec)

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_BTD = self.residual(x_BTD, self.attention(self.attention_norm(x_BTD)))
        y_BTD: Tensor = self.residual(x_BTD, self.down(activate(self.activation, self.up(self.mlp_norm(x_BTD)))))
        return y_BTD


def shape_of(spec: TrainSpec, vocab: int, context: int) -> TransformerShape:
    """What a stack of such blocks is counted by."""
    return TransformerShape(
        n_layers=spec.depth,
        width=spec.width,
        ff_width=spec.ff_ratio * spec.width,
        vocab=vocab,
        context=context,
        learned_positions=spec.positions == "learned",
        tied=spec.tied,
        gated=spec.activation == "swiglu",
        head_dim=spec.head_dim,
        kv_heads=spec.kv_heads,
        qk_norm=spec.qk_norm,
    )
