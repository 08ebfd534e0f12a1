"""Small things to report on: a sweep's store written by hand, a comparison, a replication."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import scalelaw as sl
from reports import Replicated, Replication
from scalelaw.comparing import Comparison
from tests.conftest import simulated

WIDTHS = (16, 32, 64)
RATES = (2.0**-8, 2.0**-6, 2.0**-4, 2.0**-2)
TOKENS = 2.0**20
BEST_LOG2 = -5.0
"""Where every width's loss is least, as log2 of the rate: the rate transfers."""


def final_loss(width: int, lr: float, seed: int) -> float:
    """A parabola in log2 of the rate, lower for a wider model; seeds differ a little."""
    return 3.0 - 0.1 * log2(width / 16) + 0.02 * (log2(lr) - BEST_LOG2) ** 2 + 0.001 * seed


def spec_of(width: int, lr: float, seed: int) -> dict[str, Any]:
    """The fields of a spec that a report reads."""
    return {
        "corpus": "markov", "model": "transformer", "parametrization": "mup", "width": width, "depth": 2,
        "lr": lr, "seed": seed, "n_tokens": int(TOKENS), "optimizer": "adamw", "schedule": "cosine",
        "warmup_share": 0.05, "batch_size": 32, "context": 32, "init_std": 1.0, "unique_tokens": 0,
    }  # fmt: skip


def write_run(store: Path, spec: Mapping[str, Any], status: str = "finished", name: str = "") -> str:
    """One run's directory as the runners write it; its name."""
    width, lr, seed = spec["width"], spec["lr"], spec["seed"]
    run_id = name or f"markov-d{width}-lr{lr:g}-s{seed}"
    folder = store / run_id
    folder.mkdir(parents=True)
    described = {"run_id": run_id, "spec": dict(spec), "versions": {"torch": "2.13"}, "device": "cpu"}
    (folder / "spec.json").write_text(json.dumps(described))
    loss, flops = final_loss(width, lr, seed), 6.0 * width**2 * TOKENS
    shares = (0.01, 0.1, 0.5, 1.0) if status == "finished" else (0.01, 0.1)
    lines = [
        {"step": i, "tokens": share * TOKENS, "flops": share * flops, "lr": lr, "train_loss": loss / share**0.05 + 0.01,
         "val_loss": loss / share**0.05, "wall_s": 60.0 * share}
        for i, share in enumerate(shares, 1)
    ]  # fmt: skip
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if status in ("finished", "diverged", "out_of_memory"):
        record = {
            "run_id": run_id, "group": f"markov-d{width}-lr{lr:g}", "status": status, "loss_unit": "nats/token",
            "n_params": 10 * width**2, "n_tokens": shares[-1] * TOKENS, "flops": shares[-1] * flops,
            "loss": loss if status == "finished" else None, "wall_s": 60.0 * shares[-1],
            **{label: spec[label] for label in ("corpus", "parametrization", "width", "lr", "seed")},
        }  # fmt: skip
        (folder / "done.json").write_text(json.dumps(record))
    return run_id


def write_store(store: Path) -> Path:
    """A learning-rate sweep of three widths and three seeds: the highest rate diverged at the widest model."""
    for width in WIDTHS:
        for lr in RATES:
            for seed in range(3):
                diverged = width == WIDTHS[-1] and lr == RATES[-1]
                write_run(store, spec_of(width, lr, seed), "diverged" if diverged else "finished")
    return store


def comparison(names: Mapping[int, str] | None = None) -> Comparison:
    """Two laws compared on runs that follow one of them; some runs may be given other names."""
    runs = simulated(30, noise=0.01)
    ids = tuple((names or {}).get(i, name) for i, name in enumerate(runs.run_id))
    return sl.compare(replace(runs, run_id=ids, group=ids), ["chinchilla", "kaplan"])


def replication() -> Replication:
    """Three published numbers: one found again, one a little off, one not."""
    rows = (
        Replicated("alpha", 0.34, 0.3478, "eq. 10", "another optimum", False),
        Replicated("N at 1e21 FLOP", 4.0e9, 4.1e9, "table 3", "within the interval", True, "parameters"),
        Replicated("E", 1.69, 1.69, "eq. 10", "every printed digit", True, "nats/token"),
    )
    answers = {"objective": "log_huber(delta=0.001)", "excluded": "the five highest losses"}
    return Replication("a fit", "arXiv 0000.00000", "Fitted again.", rows, "Two of three stand", answers)
