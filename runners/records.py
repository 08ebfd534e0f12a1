"""What is written down of a run: `spec.json` before it, `done.json` after it."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import torch

from runners.corpora import Source
from runners.spec import TrainSpec
from scalelaw import __version__
from scalelaw.counting import Counts, flops_6nd

LABELS = (
    "model", "corpus", "parametrization", "width", "depth", "lr", "optimizer", "schedule", "seed", "batch_size",
    "context",
)  # fmt: skip
"""Fields of the spec that label a row of a run table."""
LOSS_UNITS = {"cross_entropy": "nats/token", "squared_error": "squared error"}


def describe(spec: TrainSpec, source: Source, device: str) -> dict[str, Any]:
    """What `spec.json` records: the spec, the corpus, the versions and the device."""
    return {
        "run_id": spec.run_id,
        "group": spec.group,
        "spec": spec.as_dict(),
        "corpus": dict(source.facts()),
        "versions": {
            "scalelaw": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu ({platform.machine()})",
    }


def outcome(
    spec: TrainSpec, source: Source, counts: Counts, status: str, steps: int, losses: dict[str, float], wall_s: float
) -> dict[str, Any]:
    """What `done.json` records.

    Args:
        losses: `loss` on the corpus's validation split, and `loss_NAME` on others; empty for a run that has none.
    """
    n_tokens = steps * spec.tokens_per_step
    floor = source.entropy(spec.context)
    return {
        "run_id": spec.run_id,
        "group": spec.group,
        "status": status,
        "n_params": counts.n_params,
        "n_params_non_embedding": counts.n_params_non_embedding,
        "n_tokens": n_tokens,
        "flops": counts.flops_per_token * n_tokens,
        "flops_6nd": flops_6nd(float(counts.n_params), float(n_tokens)),
        "loss": None,
        "loss_unit": LOSS_UNITS[source.loss],
        "steps": steps,
        "wall_s": round(wall_s, 2),
        **{name: getattr(spec, name) for name in LABELS},
        **losses,
        **({} if floor is None else {"entropy": floor}),
        **({"unique_tokens": spec.unique_tokens} if spec.unique_tokens else {}),
    }
