"""A decoder transformer whose family scales by width and depth.

Dimensions: B sequences, T positions, D width, H heads, K head size, F feed-forward width, V vocabulary.
Pre-norm blocks (RMSNorm with gains, no biases), GELU, learned positions, untied read-out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runners.parametrizations import PARAMETRIZATIONS, Role, Rule
from runners.spec import TrainSpec


class Linear(nn.Module):
    """y_..O = output x_..I W_OI, with its rule."""

    def __init__(self, n_in: int, n_out: int, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        self.weight = nn.Parameter(torch.empty(n_out, n_in))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.linear(x, self.weight)
        return y if self.rule.output == 1.0 else y * self.rule.output


class Norm(nn.Module):
    """RMSNorm with a gain."""

    def __init__(self, width: int, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x_BTD: Tensor) -> Tensor:
        return functional.rms_norm(x_BTD, self.weight.shape, self.weight, eps=1e-6)


class Table(nn.Module):
    """Rows looked up by index: token or position embeddings."""

    def __init__(self, rows: int, width: int, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        self.weight = nn.Parameter(torch.empty(rows, width))

    def forward(self, index: Tensor) -> Tensor:
        return functional.embedding(index, self.weight)


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
            return PARAMETRIZATIONS[spec.parametrization].rule(role, fan_in, spec.width_ratio, spec.init_std)

        D = spec.width
        embedding, norm = rule(Role.embedding, 1), rule(Role.norm, 1)
        hidden, hidden_down = rule(Role.hidden, D), rule(Role.hidden, spec.ff_ratio * D)
        self.tokens = Table(vocab, D, embedding)
        self.positions = Table(spec.context, D, embedding)
        self.blocks = nn.ModuleList(Block(spec, hidden, hidden_down, norm) for _ in range(spec.depth))
        self.final_norm = Norm(D, norm)
        self.readout = Linear(D, vocab, rule(Role.readout, D))
        self._initialise(spec)

    @torch.no_grad()
    def _initialise(self, spec: TrainSpec) -> None:
        generator = torch.Generator().manual_seed(spec.seed)
        for module in self.modules():
            if isinstance(module, (Linear, Table)):
                module.weight.normal_(0.0, module.rule.std, generator=generator)
        if spec.zero_readout:
            self.readout.weight.zero_()

    def forward(self, tokens_BT: Tensor) -> Tensor:
        T = tokens_BT.shape[1]
        x_BTD = self.tokens(tokens_BT) + self.positions.weight[:T]
        for block in self.blocks:
            x_BTD = block(x_BTD)
        logits_BTV: Tensor = self.readout(self.final_norm(x_BTD))
        return logits_BTV


def parameter_groups(model: Transformer, spec: TrainSpec) -> list[dict[str, object]]:
    """AdamW's groups: tensors of equal rule together, with the multiplier their rate keeps under the schedule."""
    by_rule: dict[Rule, list[nn.Parameter]] = {}
    for module in model.modules():
        if isinstance(module, (Linear, Table, Norm)):
            by_rule.setdefault(module.rule, []).append(module.weight)
    return [
        {
            "params": params,
            "lr": spec.lr * rule.lr,
            "lr_multiplier": rule.lr,
            "weight_decay": spec.weight_decay * rule.decay,
            "eps": spec.epsilon * rule.epsilon,
        }
        for rule, params in by_rule.items()
    ]
