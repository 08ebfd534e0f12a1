"""Runs trained as one stack leave what separate runs leave."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from runners import training
from runners.options import RunOptions
from runners.recording import Recording
from runners.signals import Interrupted
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.together import Member, train_together
from runners.training import train
from runners.validation import Validation
from scalelaw.errors import UsageError

SMALL = TrainSpec(
    "markov", width=16, depth=1, n_tokens=60 * 128, context=32, batch_size=4, val_tokens=1024, evals=3, base_width=16,
    lr=2.0**-7, weight_decay=0.3,
)  # fmt: skip
MEMBERS = [SMALL, replace(SMALL, lr=2.0**-6), replace(SMALL, seed=3), replace(SMALL, weight_decay=1.0, schedule="wsd")]
BROKEN = replace(SMALL, lr=1e30, grad_clip=1e30, warmup_share=0.0)
PLACE = ("wall_s", "device_s", "memory_bytes")
"""What depends on the machine and not on the run."""


@pytest.fixture(autouse=True)
def every_step_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LOG_EVERY", 1)


def lines(store: RunStore, spec: TrainSpec) -> list[dict[str, Any]]:
    text = (store.folder(spec.run_id) / "metrics.jsonl").read_text()
    return [{k: v for k, v in json.loads(line).items() if k not in PLACE} for line in text.splitlines()]


def test_logs_and_records_are_those_of_separate_runs(tmp_path: Path) -> None:
    """Every number of every line within 1e-5, 60 steps; the same keys, files and statuses."""
    apart, stacked = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    records = train_together(MEMBERS, stacked, "cpu")
    for spec, record in zip(MEMBERS, records, strict=True):
        expected = train(spec, apart, "cpu")
        assert record == stacked.done(spec.run_id)
        assert list(record) == list(expected)
        assert {k: v for k, v in record.items() if k not in (*PLACE, "loss")} == {
            k: v for k, v in expected.items() if k not in (*PLACE, "loss")
        }
        assert record["loss"] == pytest.approx(expected["loss"], rel=1e-5)
        found, alone = lines(stacked, spec), lines(apart, spec)
        assert len(found) == len(alone) == 60
        for line, other in zip(found, alone, strict=True):
            assert line == pytest.approx(other, rel=1e-5)
        files = sorted(path.name for path in apart.folder(spec.run_id).iterdir())
        assert sorted(path.name for path in stacked.folder(spec.run_id).iterdir()) == files


def test_a_run_that_diverges_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    """To the bit: their logs are those of a stack it never was in."""
    with_it, without = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    records = train_together([MEMBERS[0], BROKEN, *MEMBERS[1:]], with_it, "cpu")
    train_together(MEMBERS, without, "cpu")
    assert [record["status"] for record in records] == ["finished", "diverged", "finished", "finished", "finished"]
    assert records[1]["loss"] is None
    assert records[1]["steps"] == train(BROKEN, RunStore(tmp_path / "c"), "cpu")["steps"] < BROKEN.steps
    assert [lines(with_it, spec) for spec in MEMBERS] == [lines(without, spec) for spec in MEMBERS]
    assert "NaN" not in "".join(path.read_text() for path in with_it.folder(BROKEN.run_id).iterdir())


def test_a_stack_that_is_stopped_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever each member has saved, and though one of them had been finished alone."""
    whole, parts = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    train_together(MEMBERS, whole, "cpu")
    saves: Iterator[int] = iter(range(10**6))
    save_if_due = Recording.save_if_due

    def stop_in_the_midst(self: Any, at: Any, *rest: Any) -> None:
        save_if_due(self, at, *rest)
        if next(saves) == 4 * 25 + 1:  # the first two members are saved at step 25, the others at step 20
            raise KeyboardInterrupt

    monkeypatch.setattr("runners.recording.Recording.save_if_due", stop_in_the_midst)
    with pytest.raises(KeyboardInterrupt):
        train_together(MEMBERS, parts, "cpu", options=RunOptions(checkpoint_steps=5))
    assert all(parts.done(spec.run_id) is None for spec in MEMBERS)
    train_together(MEMBERS[1:3], parts, "cpu")
    finished = parts.folder(MEMBERS[1].run_id) / "done.json"
    before = finished.stat().st_mtime_ns
    train_together(MEMBERS, parts, "cpu")
    assert finished.stat().st_mtime_ns == before
    assert [lines(parts, spec) for spec in MEMBERS] == [lines(whole, spec) for spec in MEMBERS]


def signal_in_step_seven(patch: pytest.MonkeyPatch) -> None:
    report = Member.report

    def signalled(self: Member, stop: Any, progress: Any) -> None:
        report(self, stop, progress)
        if self.at.step == 7:
            stop.signum = signal.SIGTERM

    patch.setattr(Member, "report", signalled)


def test_a_signal_saves_every_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path)
    signal_in_step_seven(monkeypatch)
    with pytest.raises(Interrupted):
        train_together(MEMBERS, store, "cpu")
    for spec in MEMBERS:
        assert [path.name for path in store.checkpoints(spec.run_id).iterdir()] == [f"step-{7:012d}"]


def test_too_little_memory_is_written_down_for_all_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path)
    with monkeypatch.context() as patched:

        def refuse(*arguments: object) -> None:
            raise torch.OutOfMemoryError("out of memory")

        patched.setattr("runners.together.gradients", refuse)
        records = train_together(MEMBERS[:2], store, "cpu")
    assert [record["status"] for record in records] == ["out_of_memory"] * 2
    assert [record["status"] for record in train_together(MEMBERS[:2], store, "cpu")] == ["finished"] * 2


def test_device_time_is_shared_out(tmp_path: Path) -> None:
    """The members' parts sum to no more than the stack's time, which each of them spent on the wall."""
    records = train_together(MEMBERS, RunStore(tmp_path), "cpu")
    parts = [record["device_s"] for record in records]
    assert min(parts) > 0
    assert max(parts) < 0.5 * sum(parts)
    assert sum(parts) < 1.1 * max(record["wall_s"] for record in records) + 0.1


def test_runs_that_cannot_go_together_are_refused(tmp_path: Path) -> None:
    for other in (replace(SMALL, width=32), replace(SMALL, dropout=0.1)):
        with pytest.raises(UsageError, match="cannot be trained together"):
            train_together([SMALL, other], RunStore(tmp_path), "cpu")
    assert not list(tmp_path.iterdir())


def test_a_second_signal_does_not_end_the_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes between the saves of two members; both are saved."""
    store, save = RunStore(tmp_path), Recording.save

    def again(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        save(*arguments)

    signal_in_step_seven(monkeypatch)
    monkeypatch.setattr(Recording, "save", again)
    with pytest.raises(Interrupted):
        train_together(MEMBERS[:2], store, "cpu")
    for spec in MEMBERS[:2]:
        assert [path.name for path in store.checkpoints(spec.run_id).iterdir()] == [f"step-{7:012d}"]


def test_a_run_says_that_it_was_trained_in_a_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last digits are those of a stack; each attempt says for itself."""
    store = RunStore(tmp_path)
    with monkeypatch.context() as patched:
        signal_in_step_seven(patched)
        with pytest.raises(Interrupted):
            train_together(MEMBERS, store, "cpu")
    train_together(MEMBERS[:2], store, "cpu")
    train(MEMBERS[2], store, "cpu")
    first, alone = (
        json.loads((store.folder(spec.run_id) / "spec.json").read_text()) for spec in (MEMBERS[0], MEMBERS[2])
    )
    assert (first["stacked"], first["resumed"][0]["stacked"]) == (4, 2)
    assert alone["stacked"] == 4
    assert "stacked" not in alone["resumed"][0]


def test_a_stack_does_not_stop_at_a_step(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"until = 3\. Next: train the runs one by one"):
        train_together(MEMBERS[:2], RunStore(tmp_path), "cpu", options=RunOptions(until=3))


def test_a_validation_that_is_not_finite_ends_its_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first evaluation, which is not logged; the other goes on."""
    store, validate = RunStore(tmp_path), Validation.__call__
    monkeypatch.setattr(
        Validation, "__call__", lambda self, forward: math.inf if self.spec.seed else validate(self, forward)
    )
    records = train_together([MEMBERS[0], MEMBERS[2]], store, "cpu")
    assert [record["status"] for record in records] == ["finished", "diverged"]
    first = min(training.evaluation_steps(SMALL))
    assert records[1]["steps"] == first
    assert [line["step"] for line in lines(store, MEMBERS[2])] == list(range(1, first))
