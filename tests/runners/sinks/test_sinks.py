"""Sinks get the lines of `metrics.jsonl`, and a package that is absent is named with its extra."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from runners.options import RunOptions
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.sweeps import Sweep
from runners.training import train
from runners.workers import run_sweep
from scalelaw.errors import MissingExtraError, UsageError

SPEC = TrainSpec("markov", width=16, depth=1, n_tokens=20 * 128, context=16, batch_size=8, val_tokens=512, evals=3)


def lines_of(store: RunStore) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (store.folder(SPEC.run_id) / "metrics.jsonl").read_text().splitlines()]


def interrupted_and_resumed(store: RunStore, sink: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Lines that were logged after the last checkpoint are undone by a failure and written again."""
    from runners import training

    monkeypatch.setattr(training, "LOG_EVERY", 1)
    options = RunOptions(sinks=(sink,), checkpoint_steps=8)
    gradients = training.gradients

    def failing(*args: Any) -> tuple[float, float]:
        if args[5] == 12:
            raise ValueError("planted")
        return gradients(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training, "gradients", failing)
        with pytest.raises(ValueError, match="planted"):
            train(SPEC, store, "cpu", options=options)
    train(SPEC, store, "cpu", options=options)
    return lines_of(store)


@pytest.mark.filterwarnings("ignore")  # of the package itself
def test_tensorboard_shows_every_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that were logged twice, before a failure and after it."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    store = RunStore(tmp_path)
    lines = interrupted_and_resumed(store, "tensorboard", monkeypatch)
    events = EventAccumulator(str(store.folder(SPEC.run_id) / "tensorboard"))
    events.Reload()
    shown = {event.step: event.value for event in events.Scalars("train_loss")}
    assert [event.step for event in events.Scalars("train_loss")] == [line["step"] for line in lines]
    assert shown == pytest.approx({line["step"]: line["train_loss"] for line in lines})
    assert [event.step for event in events.Scalars("val_loss")] == [1, 4, 20]


@pytest.mark.filterwarnings("ignore")  # of the package itself
def test_wandb_writes_offline_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the run's folder, without a network and without this machine's environment."""
    pytest.importorskip("wandb")
    for name, folder in (("WANDB_CONFIG_DIR", "config"), ("WANDB_CACHE_DIR", "cache"), ("WANDB_DATA_DIR", "data")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("WANDB_API_KEY", "s3cret-" + "k" * 40)
    store = RunStore(tmp_path / "runs")
    train(SPEC, store, "cpu", options=RunOptions(sinks=("wandb",)))
    (written,) = (store.folder(SPEC.run_id) / "wandb").glob(f"offline-run-*/run-{SPEC.run_id}.wandb")
    content = written.read_bytes()
    assert b"train_loss" in content
    assert b"n_params_non_embedding" in content
    assert b"s3cret" not in content
    assert len(lines_of(store)) == 3


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_sink_without_its_package_is_refused_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"scalelaw\[{name}\]"):
        RunOptions(sinks=(name,))


def test_an_unknown_sink_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown sink 'mlfow'\. Known: tensorboard, wandb"):
        run_sweep(Sweep("s", (SPEC,)), RunStore(tmp_path), device="cpu", options=RunOptions(sinks=("mlfow",)))
    assert list(tmp_path.iterdir()) == []
