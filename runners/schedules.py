"""Learning-rate schedules: the share of the peak rate at each step."""

from __future__ import annotations

import math

from runners.spec import TrainSpec


def lr_share(spec: TrainSpec, step: int) -> float:
    """The learning rate of optimizer step `step` (0-based) as a share of the peak.

    All rise linearly over the warm-up. `cosine` then falls as half a period does, `linear` in a straight line;
    `constant` stays; `wsd` (warm-up, stable, decay: Hu et al. 2024, arXiv 2404.06395) stays at 1 and falls linearly
    over the last `cooldown_share`. They would reach `final_lr_share` one step past the last, so that no step is spent
    at zero.
    """
    warmup = warmup_steps(spec)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if spec.schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(spec.steps - warmup, 1)
    if spec.schedule == "cosine":
        left = 0.5 * (1 + math.cos(math.pi * progress))
    elif spec.schedule == "linear":
        left = 1.0 - progress
    else:
        left = min(1.0, (spec.steps - step) / cooldown_steps(spec))
    return spec.final_lr_share + (1 - spec.final_lr_share) * left


def warmup_steps(spec: TrainSpec) -> int:
    """Steps over which the rate rises."""
    if spec.warmup_tokens:
        return min(round(spec.warmup_tokens / spec.tokens_per_step), spec.steps)
    return round(spec.warmup_share * spec.steps)


def cooldown_steps(spec: TrainSpec) -> int:
    """Steps over which `wsd` falls."""
    return max(round(spec.cooldown_share * spec.steps), 1)
