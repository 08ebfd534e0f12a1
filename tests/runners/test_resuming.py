"""What stops a run, and what goes on from there: the same bits, or a reason why not."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from runners import training
from runners.branches import branch_step, trunk_of
from runners.checkpoints import Checkpoints
from runners.corpora import CORPORA
from runners.leases import Lease, LeaseTakenError
from runners.options import RunOptions
from runners.signals import Interrupted
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.training import train
from scalelaw.errors import DataError
from tests.runners.small import SHUFFLED, SMALL, at_call, outcome_of, whole

PHASES = {
    "warm-up": ("runners.training.gradients", 1, 1),
    "step": ("runners.training.gradients", 9, 9),
    "evaluation": ("runners.validation.loss_of", 6, 4),
    "save": ("runners.checkpoints.write_durably", 6, 10),
    "log": ("runners.recording.LogFile.write", 5, 5),
}
"""What is called when the signal comes, at which of its calls, and the step at which the run is then saved."""


@pytest.mark.parametrize(
    ("phase", "signum"),
    [(phase, signal.SIGTERM) for phase in PHASES]
    + [("evaluation", signum) for signum in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT)],
)
def test_a_signal_in_any_phase_saves_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str, signum: int
) -> None:
    """It ends with an exit code of its own, without a record, and what goes on from there has the same bits."""
    monkeypatch.setattr("runners.validation.BATCH", 16)  # so that an evaluation has several
    expected = whole(SHUFFLED, tmp_path / "whole", monkeypatch)
    path, call, step = PHASES[phase]
    options = RunOptions(keep=(SHUFFLED.steps,), checkpoint_steps=5)
    store = RunStore(tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(path, at_call(call, resolve_name(path), lambda: os.kill(os.getpid(), signum)))
        with pytest.raises(Interrupted, match=rf"{SHUFFLED.run_id} is saved at step {step} of 20") as caught:
            train(SHUFFLED, store, "cpu", options=options)
    assert caught.value.exit_code == 128 + signum
    assert store.done(SHUFFLED.run_id) is None
    train(SHUFFLED, store, "cpu", options=options)
    assert outcome_of(SHUFFLED, tmp_path / "cut") == expected
    record = json.loads((store.folder(SHUFFLED.run_id) / "spec.json").read_text())
    assert [attempt["step"] for attempt in record["resumed"]] == [step]


def test_a_second_signal_during_the_save_is_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = Checkpoints.save

    def interrupted(*args: Any, **kwargs: Any) -> None:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            os.kill(os.getpid(), signum)
        save(*args, **kwargs)

    monkeypatch.setattr(Checkpoints, "save", interrupted)
    train_until_signal(SHUFFLED, tmp_path, monkeypatch)
    assert os.listdir(RunStore(tmp_path).checkpoints(SHUFFLED.run_id)) == ["step-000000000003"]


def train_until_signal(spec: TrainSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the run by a signal in its third step."""
    stop = at_call(3, training.gradients, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with monkeypatch.context() as patch:
        patch.setattr(training, "gradients", stop)
        with pytest.raises(Interrupted):
            train(spec, RunStore(folder), "cpu")


def test_checkpoints_come_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None in a run shorter than the interval; one a step where the interval is nothing."""
    steps: list[int] = []
    monkeypatch.setattr(Checkpoints, "save", lambda self, model, optimizer, at, keep: steps.append(at.step))
    train(SMALL, RunStore(tmp_path / "short"), "cpu")
    assert steps == []
    train(SMALL, RunStore(tmp_path / "always"), "cpu", options=RunOptions(checkpoint_s=0))
    assert steps == list(range(1, 20))


def test_a_finished_run_keeps_only_what_it_was_asked_to(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    train(SMALL, store, "cpu", options=RunOptions(checkpoint_steps=4, keep=(7,)))
    assert os.listdir(store.checkpoints(SMALL.run_id)) == ["step-000000000007.kept"]


def test_a_settled_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path)
    record = train(SMALL, store, "cpu")
    monkeypatch.setattr("runners.training.gradients", None)
    assert train(SMALL, store, "cpu") == record


def test_two_launchers_do_not_train_one_run(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with Lease(store.lease(SMALL.run_id)), pytest.raises(LeaseTakenError, match="being trained by process"):
        train(SMALL, store, "cpu")
    assert train(SMALL, store, "cpu")["status"] == "finished"


BRANCH = replace(SHUFFLED, schedule="wsd", warmup_tokens=3 * 256, trunk_tokens=30 * 256)


def test_a_branch_from_its_trunk_has_the_bits_of_one_trained_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the lines before the branch point, which are the trunk's, and its seconds."""
    alone = whole(BRANCH, tmp_path / "alone", monkeypatch)
    store, trunk, step = RunStore(tmp_path / "branched"), trunk_of(BRANCH), branch_step(BRANCH)
    assert trunk is not None
    record = train(trunk, store.trunks, "cpu", options=RunOptions(keep=(8, step), until=step))
    assert (record["status"], record["steps"]) == ("saved", step)
    assert store.trunks.done(trunk.run_id) is None
    branched = whole(BRANCH, tmp_path / "branched", monkeypatch)
    assert branched == [alone[0], *alone[1 + step :]]
    described = json.loads((store.folder(BRANCH.run_id) / "spec.json").read_text())
    assert (described["branched_from"], described["branched_at"]) == (trunk.run_id, step)


def test_a_trunk_that_has_passed_an_earlier_branch_point_goes_back_for_it(tmp_path: Path) -> None:
    trunk = trunk_of(BRANCH)
    assert trunk is not None
    store = RunStore(tmp_path)
    train(trunk, store, "cpu", options=RunOptions(keep=(5, 16), until=16))
    train(trunk, store, "cpu", options=RunOptions(keep=(10, 16), until=16))
    assert sorted(os.listdir(store.checkpoints(trunk.run_id))) == [f"step-{step:012d}.kept" for step in (5, 10, 16)]
    lines = (store.folder(trunk.run_id) / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == sorted(set(steps))


def test_a_branch_whose_trunk_is_damaged_is_trained_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = whole(BRANCH, tmp_path / "alone", monkeypatch)
    store, trunk, step = RunStore(tmp_path / "branched"), trunk_of(BRANCH), branch_step(BRANCH)
    assert trunk is not None
    train(trunk, store.trunks, "cpu", options=RunOptions(keep=(step,), until=step))
    os.truncate(store.trunks.checkpoints(trunk.run_id) / f"step-{step:012d}.kept" / "model.safetensors", 100)
    with pytest.warns(RuntimeWarning, match=r"model\.safetensors: it has 100 bytes"):
        assert whole(BRANCH, tmp_path / "branched", monkeypatch) == alone


def test_to_stop_at_a_step_is_to_be_saved_there(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    record = train(SMALL, store, "cpu", options=RunOptions(until=3))
    assert (record["status"], store.done(SMALL.run_id)) == ("saved", None)
    assert os.listdir(store.checkpoints(SMALL.run_id)) == ["step-000000000003"]


def a_text(folder: Path, words: str) -> TrainSpec:
    """A spec whose corpus is a folder of 300 documents."""
    folder.mkdir(exist_ok=True)
    for number in range(300):
        (folder / f"{number}.txt").write_text(f"{words} {number} " * 10)
    return replace(SMALL, corpus=f"files:{folder}")


def test_a_run_whose_text_has_changed_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be trained on neither; with the text back as it was it goes on."""
    spec, store = a_text(tmp_path / "text", "some"), RunStore(tmp_path / "runs")
    train(spec, store, "cpu", options=RunOptions(until=3))
    monkeypatch.setattr(CORPORA, "_made", {})
    a_text(tmp_path / "text", "other")
    with pytest.raises(
        DataError, match=r"spec\.json: the corpus files:.* has other content now.*Next: put the text"
    ) as e:
        train(spec, store, "cpu")
    assert e.value.code == "E_CORPUS_CHANGED"
    monkeypatch.setattr(CORPORA, "_made", {})
    a_text(tmp_path / "text", "some")
    assert train(spec, store, "cpu")["status"] == "finished"


def test_a_branch_does_not_leave_a_trunk_of_another_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    branch = replace(
        a_text(tmp_path / "text", "some"), schedule="wsd", warmup_share=0.0, trunk_tokens=SMALL.n_tokens
    )  # fmt: skip
    trunk, step, store = trunk_of(branch), branch_step(branch), RunStore(tmp_path / "runs")
    assert trunk is not None
    train(trunk, store.trunks, "cpu", options=RunOptions(keep=(step,), until=step))
    monkeypatch.setattr(CORPORA, "_made", {})
    a_text(tmp_path / "text", "other")
    with pytest.raises(DataError, match=rf"trunks/{trunk.run_id}/spec\.json: the corpus .* has other content"):
        train(branch, store, "cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"spec": SMALL.as_dict() | {"lr": 0.5}}, "it is not of the run markov-mup"),
        ({"spec": SMALL.as_dict() | {"unheard_of": 1}}, "it is not of the run markov-mup"),
        ({"spec": "mine"}, "it is not of the run markov-mup"),
        ([1], r"spec\.json: an object was expected; found .\[1\]"),
        (None, "it is missing beside the run's checkpoints"),
    ],
)
def test_a_run_whose_description_was_tampered_with_does_not_go_on(tmp_path: Path, content: Any, message: str) -> None:
    store = RunStore(tmp_path)
    train(SMALL, store, "cpu", options=RunOptions(until=3))
    path = store.folder(SMALL.run_id) / "spec.json"
    before = json.loads(path.read_text())
    path.unlink()
    if content is not None:
        path.write_text(json.dumps(before | content if isinstance(content, dict) else content))
    with pytest.raises(DataError, match=message):
        train(SMALL, store, "cpu")


def test_a_description_from_before_a_field_was_known_is_still_the_runs(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    train(SMALL, store, "cpu", options=RunOptions(until=3))
    path = store.folder(SMALL.run_id) / "spec.json"
    record = json.loads(path.read_text())
    del record["spec"]["patch"]
    path.write_text(json.dumps(record))
    assert train(SMALL, store, "cpu")["status"] == "finished"


def test_a_made_source_whose_numbers_round_otherwise_elsewhere_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may go on on another processor, whose exponential differs in the last digit."""
    store, source = RunStore(tmp_path), CORPORA["markov"]
    train(SMALL, store, "cpu", options=RunOptions(until=3))
    facts = dict(source.facts()) | {"sha256": "of other last digits"}
    monkeypatch.setattr(source, "facts", lambda: facts)
    assert train(SMALL, store, "cpu")["status"] == "finished"
