"""A decoder transformer whose family scales by width and depth.

Dimensions: B sequences, T positions, D width, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn

from runners.corpora import Source
from runners.models._attention import Attention, check_heads, zero_queries
from runners.models._block import Block, shape_of
from runners.models._layers import Norm, Table, initialise
from runners.models._readout import check_readout, token_readout
from runners.models._rules import Rules
from runners.models.base import SHAPE_FIELDS, Family
from runners.parametrizations import Role
from runners.spec import TrainSpec
from scalelaw.counting import Counts


class Transformer(nn.Module):
    """tokens_BT -> logits_BTV, initialised by its parametrization from the spec's seed."""

    def __init__(self, spec: TrainSpec, vocab: int) -> None:
        super().__init__()
        D, rules, rope = spec.width, Rules(spec), spec.positions == "rope"
        self.tokens = Table(vocab, D, rules(Role.embedding))
        self.positions = None if rope else Table(spec.context, D, rules(Role.embedding))
        self.blocks = nn.ModuleList(Block(spec, rope=rope) for _ in range(spec.depth))
        self.final_norm = Norm(D, rules(Role.norm))
        self.readout = token_readout(spec, self.tokens, vocab)
        initialise(self, spec.seed)
        zero_queries(self)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        x_BTD = self.tokens(tokens_BT)
        if self.positions is not None:
            x_BTD = self.positions.added_to(x_BTD)
        for block in self.blocks:
            x_BTD = block(x_BTD)
        logits_BTV: Tensor = self.readout(self.final_norm(x_BTD))
        return logits_BTV


class TransformerFamily(Family):
    """Decoder transformers for tokens. Width grows by heads of one size, or by the size of its heads."""

    name = "transformer"
    kinds = frozenset({"tokens"})
    reads = SHAPE_FIELDS - {"patch"}

    def build(self, spec: TrainSpec, source: Source) -> Transformer:
        """tokens_BT -> logits_BTV."""
        return Transformer(spec, source.outputs)

    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """Those of `TransformerShape`."""
        shape = shape_of(spec, source.outputs, spec.context)
        return Counts(shape.params_all(), shape.params_non_embedding(), shape.flops_per_token_exact())

    def check(self, spec: TrainSpec, source: Source) -> None:
        """Heads must fill the width."""
        super().check(spec, source)
        check_heads(spec)
        check_readout(spec)


KIND = TransformerFamily()

__all__ = ["KIND", "Attention", "Transformer", "TransformerFamily"]
