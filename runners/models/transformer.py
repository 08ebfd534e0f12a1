"""A decoder transformer whose family scales by width and depth.

Dimensions: B sequences, T positions, D width, H heads, K head size, F feed-forward width, V vocabulary.
Pre-norm blocks (RMSNorm with gains, no biases), GELU, learned positions, untied read-out.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from runners.corpora import Source
from runners.models._layers import Linear, Norm, Table, initialise
from runners.models.base import SHAPE_FIELDS, Family
from runners.parametrizations import PARAMETRIZATIONS, Role, Rule
from runners.spec import TrainSpec
from scalelaw.counting import Counts, TransformerShape
from scalelaw.errors import UsageError


class Attention(nn.Module):
    """Causal self-attention with logits q.k / sqrt(K).

    K is the same at every width, so 1/sqrt(K) and muP's 1/K differ by a constant only.
    """

    def __init__(self, width: int, head_dim: int, hidden: Rule) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.qkv = Linear(width, 3 * width, hidden)
        self.out = Linear(width, width, hidden)

    def forward(self, x_BTD: Tensor) -> Tensor:
        B, T, D = x_BTD.shape
        q_BHTK, k_BHTK, v_BHTK = self.qkv(x_BTD).view(B, T, 3, -1, self.head_dim).permute(2, 0, 3, 1, 4)
        y_BHTK = functional.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)
        y_BTD: Tensor = self.out(y_BHTK.transpose(1, 2).reshape(B, T, D))
        return y_BTD


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, spec: TrainSpec, hidden: Rule, hidden_down: Rule, norm: Rule) -> None:
        super().__init__()
        ff = spec.ff_ratio * spec.width
        self.attention_norm = Norm(spec.width, norm)
        self.attention = Attention(spec.width, spec.head_dim, hidden)
        self.mlp_norm = Norm(spec.width, norm)
        self.up = Linear(spec.width, ff, hidden)
        self.down = Linear(ff, spec.width, hidden_down)

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_BTD = x_BTD + self.attention(self.attention_norm(x_BTD))
        y_BTD: Tensor = x_BTD + self.down(functional.gelu(self.up(self.mlp_norm(x_BTD))))
        return y_BTD


class Transformer(nn.Module):
    """tokens_BT -> logits_BTV, initialised by its parametrization from the spec's seed."""

    def __init__(self, spec: TrainSpec, vocab: int) -> None:
        super().__init__()

        def rule(role: Role, fan_in: int) -> Rule:
            return PARAMETRIZATIONS[spec.parametrization].rule(role, fan_in, spec.scale)

        D = spec.width
        embedding, norm = rule(Role.embedding, 1), rule(Role.norm, 1)
        hidden, hidden_down = rule(Role.hidden, D), rule(Role.hidden, spec.ff_ratio * D)
        self.tokens = Table(vocab, D, embedding)
        self.positions = Table(spec.context, D, embedding)
        self.blocks = nn.ModuleList(Block(spec, hidden, hidden_down, norm) for _ in range(spec.depth))
        self.final_norm = Norm(D, norm)
        self.readout = Linear(D, vocab, rule(Role.readout, D))
        initialise(self, spec.seed)
        if spec.zero_readout:
            nn.init.zeros_(self.readout.weight)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        T = tokens_BT.shape[1]
        x_BTD = self.tokens(tokens_BT) + self.positions.weight[:T]
        for block in self.blocks:
            x_BTD = block(x_BTD)
        logits_BTV: Tensor = self.readout(self.final_norm(x_BTD))
        return logits_BTV


class TransformerFamily(Family):
    """Decoder transformers for tokens; width grows by heads of one size."""

    name = "transformer"
    kinds = frozenset({"tokens"})
    reads = SHAPE_FIELDS

    def build(self, spec: TrainSpec, source: Source) -> Transformer:
        """tokens_BT -> logits_BTV."""
        return Transformer(spec, source.outputs)

    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """Those of `TransformerShape`."""
        shape = TransformerShape(spec.depth, spec.width, spec.ff_ratio * spec.width, source.outputs, spec.context)
        return Counts(shape.params_all(), shape.params_non_embedding(), shape.flops_per_token_exact())

    def check(self, spec: TrainSpec, source: Source) -> None:
        """Heads must fill the width."""
        super().check(spec, source)
        if spec.width % spec.head_dim:
            raise UsageError(f"width {spec.width} must be a multiple of head_dim {spec.head_dim}.")


KIND = TransformerFamily()
