"""Recurrent networks for tokens: stacked LSTMs.

Dimensions: B sequences, T positions, D width, G = 4 D gates, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from runners.corpora import Source
from runners.models._layers import Linear, Norm, Table, at_least_single, initialise
from runners.models._readout import check_readout, token_readout
from runners.models._residual import Residual
from runners.models._rules import Rules
from runners.models.base import Family
from runners.parametrizations import Role
from runners.spec import TrainSpec
from scalelaw.counting import Counts

FORGET_BIAS = 1.0
"""Added to the forget gate, so that cells remember from the start (Gers et al. 2000; Jozefowicz et al. 2015)."""


class Recurrence(nn.Module):
    """x + h(norm(x)), where, with s the logistic function and the four gates' matrices in one,

        f, i, o, u = W x_t + b + U h_{t-1}
        c_t = s(f + 1) c_{t-1} + s(i) tanh(u)
        h_t = s(o) tanh(c_t)

    (Hochreiter & Schmidhuber 1997; forget gates of Gers et al. 2000). W x is one product for all positions.
    """

    def __init__(self, spec: TrainSpec) -> None:
        super().__init__()
        D, rules = spec.width, Rules(spec)
        self.norm = Norm(D, rules(Role.norm))
        self.from_input = Linear(D, 4 * D, rules(Role.hidden, D), rules(Role.bias))
        self.from_state = Linear(D, 4 * D, rules(Role.hidden, D))
        self.residual = Residual(spec)

    def forward(self, x_BTD: Tensor) -> Tensor:
        D = x_BTD.shape[-1]
        gates_BTG = at_least_single(self.from_input(self.norm(x_BTD)))  # cells are sums over time
        gates_TBG = gates_BTG.unbind(dim=1)
        h_TBD: list[Tensor] = []
        c_BD = x_BTD.new_zeros(())
        for t, gates_BG in enumerate(gates_TBG):
            if t:
                gates_BG = gates_BG + self.from_state(h_TBD[-1])
            f_BD, open_B2D, u_BD = torch.split(gates_BG, [D, 2 * D, D], dim=-1)
            i_BD, o_BD = open_B2D.sigmoid().chunk(2, dim=-1)
            c_BD = (f_BD + FORGET_BIAS).sigmoid() * c_BD + i_BD * u_BD.tanh()
            h_TBD.append(o_BD * c_BD.tanh())
        y_BTD: Tensor = self.residual(x_BTD, torch.stack(h_TBD, dim=1))
        return y_BTD


class LSTM(nn.Module):
    """tokens_BT -> logits_BTV: embedding, `depth` residual recurrences, norm and read-out."""

    def __init__(self, spec: TrainSpec, vocab: int) -> None:
        super().__init__()
        D, rules = spec.width, Rules(spec)
        self.tokens = Table(vocab, D, rules(Role.embedding))
        self.blocks = nn.ModuleList(Recurrence(spec) for _ in range(spec.depth))
        self.final_norm = Norm(D, rules(Role.norm))
        self.readout = token_readout(spec, self.tokens, vocab)
        initialise(self, spec.seed)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        x_BTD = self.tokens(tokens_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD)
        logits_BTV: Tensor = self.readout(self.final_norm(x_BTD))
        return logits_BTV


class LSTMFamily(Family):
    """Stacked LSTMs with residual sums, which deep stacks need (Wu et al. 2016, arXiv 1609.08144)."""

    name = "lstm"
    kinds = frozenset({"tokens"})
    reads = frozenset({"tied", "zero_readout", "dropout", "init_std"})

    def build(self, spec: TrainSpec, source: Source) -> LSTM:
        """tokens_BT -> logits_BTV."""
        return LSTM(spec, source.outputs)

    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """A layer has 8 D^2 matrix entries, 4 D biases and D gains; the first token needs no product with a state."""
        D, L, V, T = spec.width, spec.depth, source.outputs, spec.context
        non_embedding = L * (8 * D * D + 5 * D) + D
        flops = 24.0 * L * D * D * (2 * T - 1) / T + 6.0 * V * D
        return Counts(non_embedding + (1 if spec.tied else 2) * V * D, non_embedding, flops)

    def check(self, spec: TrainSpec, source: Source) -> None:
        """Options must not contradict one another."""
        super().check(spec, source)
        check_readout(spec)


KIND = LSTMFamily()
