"""The yardstick of `bench_train`: nanoGPT's loop for the model of `runners.models.transformer`, in plain torch.

It knows no parametrization, no spec, no log and no divergence; it is what one would write for one model.
Dimensions: B sequences, T positions, D width, H heads, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

LOG_EVERY = 10
"""Steps between the losses that are looked at, as in nanoGPT."""


class Block(nn.Module):
    """Pre-norm attention and GELU, no biases."""

    def __init__(self, D: int, H: int) -> None:
        super().__init__()
        self.H = H
        self.norm1 = nn.RMSNorm(D, eps=1e-6)
        self.qkv = nn.Linear(D, 3 * D, bias=False)
        self.out = nn.Linear(D, D, bias=False)
        self.norm2 = nn.RMSNorm(D, eps=1e-6)
        self.up = nn.Linear(D, 4 * D, bias=False)
        self.down = nn.Linear(4 * D, D, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = (z.view(B, T, self.H, -1).transpose(1, 2) for z in self.qkv(self.norm1(x)).split(D, dim=2))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(B, T, D))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    """tokens_BT -> logits_BTV."""

    def __init__(self, D: int, L: int, H: int, V: int, T: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(V, D), nn.Embedding(T, D)
        self.blocks = nn.Sequential(*(Block(D, H) for _ in range(L)))
        self.norm = nn.RMSNorm(D, eps=1e-6)
        self.readout = nn.Linear(D, V, bias=False)
        self.register_buffer("place", torch.arange(T), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(self.place)
        return self.readout(self.norm(self.blocks(x)))


def steps(
    model: GPT, windows: Tensor, batch: int, lr: float, warmup: int, bf16: bool = False, log_every: int = LOG_EVERY
) -> Iterator[float | None]:
    """Train on `[n, T + 1]` windows, a batch a step, by AdamW with a cosine rate; gives the losses it looks at."""
    device = windows.device.type
    total = len(windows) // batch
    matrices = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), eps=1e-8, fused=True)
    context = torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext()
    model.train()
    for step in range(total):
        progress = (step - warmup) / (total - warmup)
        rate = (step + 1) / (warmup + 1) if step < warmup else 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = lr * rate
        window = windows[step * batch : (step + 1) * batch].long()
        with context:
            logits = model(window[:, :-1])
            loss = functional.cross_entropy(logits.view(-1, logits.size(-1)), window[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield loss.item() if step % log_every == 0 else None
