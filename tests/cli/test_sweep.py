"""`scalelaw sweep`: what it plans, how it ends when it is stopped, and what it says of every run."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from runners import training
from runners.leases import Lease
from runners.store import RunStore
from runners.sweeps import Sweep
from scalelaw.cli.main import main

SWEEP = """
[base]
corpus = "markov"
width = 16
depth = 1
context = 32
batch_size = 8
val_tokens = 512
evals = 2
schedule = "wsd"
warmup_tokens = 1280
trunk_tokens = 10240
[grid]
n_tokens = [5120, 10240]
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """The command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["scalelaw", "sweep", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def states(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sweep: Path) -> list[str]:
    capsys.readouterr()
    assert run(monkeypatch, "status", sweep, "--store", sweep.parent, "--format", "json") == 0
    return [row["status"] for row in json.loads(capsys.readouterr().out)["runs"]]


def test_a_stopped_sweep_has_an_exit_code_of_its_own_and_goes_on(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gradients = training.gradients

    def stopping(*args: Any) -> tuple[float, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return gradients(*args)

    assert states(monkeypatch, capsys, sweep) == ["waiting", "waiting"]
    with monkeypatch.context() as patch:
        patch.setattr(training, "gradients", stopping)
        assert run(monkeypatch, "run", sweep, "--store", sweep.parent, "--device", "cpu") == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM." in (errors := capsys.readouterr().err)
    assert "saved at step 1 of 40. Next: the same command goes on from there." in errors
    assert run(monkeypatch, "run", sweep, "--store", sweep.parent, "--device", "cpu") == 0
    assert states(monkeypatch, capsys, sweep) == ["finished", "finished"]


def test_status_names_what_is_running_and_what_was_interrupted(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (spec.run_id for spec in Sweep.load(sweep).specs)
    store = RunStore(sweep.parent / "sweep")
    store.begin(first, {})
    with Lease(store.lease(second)):
        assert states(monkeypatch, capsys, sweep) == ["interrupted", "running"]
    store.begin(second, {})
    store.finish(second, {"status": "out_of_memory"})
    assert states(monkeypatch, capsys, sweep) == ["interrupted", "out_of_memory"]


def test_runs_without_a_loss_are_listed_at_the_end(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sweep is no failure, and the next one tries again what had too little memory."""

    def too_large(*args: Any) -> tuple[float, float]:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(training, "gradients", too_large)
        assert run(monkeypatch, "run", sweep, "--store", sweep.parent, "--device", "cpu") == 0
    assert "2 out_of_memory: markov-" in capsys.readouterr().err
    assert run(monkeypatch, "run", sweep, "--store", sweep.parent, "--device", "cpu") == 0
    assert states(monkeypatch, capsys, sweep) == ["finished", "finished"]


def test_a_plan_counts_a_trunk_once(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan", sweep, "--format", "json") == 0
    plan = json.loads(capsys.readouterr().out)
    trunk, *branches = plan["runs"]
    assert trunk["run_id"].startswith("trunks/")
    assert [row["n_tokens"] for row in (trunk, *branches)] == [8192, 10240, 5120]
    per_token = trunk["flops"] / 8192
    assert [row["flops"] for row in branches] == pytest.approx([2048 * per_token, 1024 * per_token])
    assert run(monkeypatch, "plan", sweep) == 0
    assert "2 runs and 1 trunk that they branch from" in capsys.readouterr().out


def test_an_unknown_sink_is_a_usage_error(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "run", sweep, "--store", sweep.parent, "--sink", "mlfow") == 2
    assert "Known: tensorboard, wandb" in capsys.readouterr().err
