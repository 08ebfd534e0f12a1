"""Learning-rate schedules: the share of the peak rate at each step."""

from __future__ import annotations

import math

from runners.spec import TrainSpec


def lr_share(spec: TrainSpec, step: int) -> float:
    """The learning rate of optimizer step `step` (0-based) as a share of the peak.

    Both schedules rise linearly over `warmup_share` of the steps. `cosine` then falls as half a period does; `wsd`
    (warm-up, stable, decay: Hu et al. 2024, arXiv 2404.06395) stays at 1 and falls linearly over the last
    `cooldown_share`. Both would reach `final_lr_share` one step past the last, so that no step is spent at zero.
    """
    warmup = round(spec.warmup_share * spec.steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if spec.schedule == "cosine":
        progress = (step - warmup) / max(spec.steps - warmup, 1)
        return spec.final_lr_share + (1 - spec.final_lr_share) * 0.5 * (1 + math.cos(math.pi * progress))
    cooldown = max(round(spec.cooldown_share * spec.steps), 1)
    remaining = (spec.steps - step) / cooldown
    return spec.final_lr_share + (1 - spec.final_lr_share) * min(1.0, remaining)
