"""A run of seconds, and all that may not differ between two of the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.options import RunOptions
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.training import train

SMALL = TrainSpec(
    "markov", width=16, depth=1, n_tokens=20 * 256, context=32, batch_size=8, val_tokens=2048, evals=3, base_width=16
)

SHUFFLED = replace(SMALL, dropout=0.1, unique_tokens=7 * 256)
"""Three epochs, each in an order of its own, with dropout: everything random that a run draws."""

CLOCKS = ("wall_s", "device_s", "memory_bytes")


def trained(spec: TrainSpec, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    store = RunStore(folder)
    record = train(spec, store, device="cpu")
    lines = (store.folder(spec.run_id) / "metrics.jsonl").read_text().splitlines()
    return record, [json.loads(line) for line in lines]


def losses(spec: TrainSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The training loss of every step."""
    monkeypatch.setattr("runners.training.LOG_EVERY", 1)
    return [line["train_loss"] for line in trained(spec, folder)[1]]


def outcome_of(spec: TrainSpec, folder: Path) -> list[Any]:
    """All that may not differ: a hash of the last parameters and optimizer state, every logged number, the record."""
    store = RunStore(folder)
    kept = store.checkpoints(spec.run_id) / f"step-{spec.steps:012d}.kept"
    tensors = b"".join((kept / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors"))
    lines = (store.folder(spec.run_id) / "metrics.jsonl").read_text().splitlines()
    records = [*map(json.loads, lines), store.done(spec.run_id)]
    numbers = [{k: v for k, v in record.items() if k not in CLOCKS} for record in records]
    return [hashlib.sha256(tensors).hexdigest(), *numbers]


def whole(spec: TrainSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The outcome of a run, to its end, with a line for every step."""
    monkeypatch.setattr("runners.training.LOG_EVERY", 1)
    train(spec, RunStore(folder), "cpu", options=RunOptions(keep=(spec.steps,)))
    return outcome_of(spec, folder)


def at_call(number: int, function: Callable[..., Any], act: Callable[[], None]) -> Callable[..., Any]:
    """The function, which acts first at its n-th call."""
    calls = 0

    def called(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            act()
        return function(*args, **kwargs)

    return called
