"""Training one spec: counted exactly, repeatable to the bit, honest about divergence."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
import torch

from runners import training
from runners.branches import branch_step, trunk_of
from runners.checkpoints import Checkpoints
from runners.corpora import CORPORA
from runners.leases import Lease, LeaseTakenError
from runners.models import FAMILIES
from runners.options import RunOptions
from runners.signals import Interrupted
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.training import evaluation_steps, is_out_of_memory, resolve_device, train
from runners.validation import Validation
from scalelaw.errors import DataError, UsageError

SMALL = TrainSpec(
    "markov", width=16, depth=1, n_tokens=20 * 256, context=32, batch_size=8, val_tokens=2048, evals=3, base_width=16
)
SHUFFLED = replace(SMALL, dropout=0.1, unique_tokens=7 * 256)
"""Three epochs, each in an order of its own, with dropout: everything random that a run draws."""
CLOCKS = ("wall_s", "device_s", "memory_bytes")
GOLDEN = Path(__file__).with_name("golden_20_steps.json")


def trained(spec: TrainSpec, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    store = RunStore(folder)
    record = train(spec, store, device="cpu")
    lines = (store.folder(spec.run_id) / "metrics.jsonl").read_text().splitlines()
    return record, [json.loads(line) for line in lines]


def losses(spec: TrainSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The training loss of every step."""
    monkeypatch.setattr("runners.training.LOG_EVERY", 1)
    return [line["train_loss"] for line in trained(spec, folder)[1]]


def test_twenty_steps_follow_the_golden_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tolerance allows for another processor's order of summation, and for nothing else."""
    golden = json.loads(GOLDEN.read_text())
    np.testing.assert_allclose(losses(SMALL, tmp_path, monkeypatch), golden["train_loss"], rtol=2e-4)


def test_a_run_repeats_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(SMALL, depth=2)
    assert losses(spec, tmp_path / "a", monkeypatch) == losses(spec, tmp_path / "b", monkeypatch)


def test_parametrizations_are_one_at_the_base_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, with every option on that a parametrization scales."""
    spec = replace(SMALL, weight_decay=0.3, epsilon=1e-3)
    curves = [losses(replace(spec, parametrization=name), tmp_path / name, monkeypatch) for name in ("mup", "standard")]
    assert curves[0] == curves[1]


def test_parametrizations_differ_away_from_the_base_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(SMALL, width=32)
    curves = [losses(replace(spec, parametrization=name), tmp_path / name, monkeypatch) for name in ("mup", "standard")]
    assert curves[0][-1] != curves[1][-1]


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    assert trained(SMALL, tmp_path)[0]["loss"] != trained(replace(SMALL, seed=1), tmp_path)[0]["loss"]


def test_the_record_counts_what_was_trained(tmp_path: Path) -> None:
    spec = replace(SMALL, n_tokens=SMALL.n_tokens + 100)
    record, metrics = trained(spec, tmp_path)
    counts = FAMILIES["transformer"].counts(spec, CORPORA["markov"])
    assert record["steps"] == 20
    assert record["n_tokens"] == 20 * 8 * 32
    assert record["n_params"] == counts.n_params
    assert record["flops"] == counts.flops_per_token * record["n_tokens"]
    assert record["flops_6nd"] == 6 * record["n_params"] * record["n_tokens"]
    assert metrics[-1]["tokens"] == record["n_tokens"]
    assert metrics[-1]["val_loss"] == record["loss"]


def test_a_model_learns_and_stays_above_the_entropy(tmp_path: Path) -> None:
    """From about ln 64 at the start; no model can do better than the source's entropy."""
    record, metrics = trained(replace(SMALL, n_tokens=200 * 256), tmp_path)
    assert record["entropy"] == CORPORA["markov"].entropy(32)
    assert record["entropy"] < record["loss"] < metrics[0]["train_loss"] - 0.5


def test_a_run_that_diverges_has_no_loss(tmp_path: Path) -> None:
    """The numbers of `done.json` and `metrics.jsonl` stay JSON: no NaN is written."""
    spec = replace(SMALL, lr=1e30, grad_clip=1e30, warmup_share=0.0)
    record, _ = trained(spec, tmp_path)
    assert record["status"] == "diverged"
    assert record["loss"] is None
    assert record["steps"] < spec.steps
    for path in RunStore(tmp_path).folder(spec.run_id).iterdir():
        assert "NaN" not in path.read_text()


def test_a_validation_that_is_not_finite_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Validation, "__call__", lambda self, forward: math.inf)
    record, _ = trained(SMALL, tmp_path)
    assert record["status"] == "diverged"
    assert record["steps"] == min(evaluation_steps(SMALL))


def test_text_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus smaller than the run is refused, and no directory claims the run."""
    (tmp_path / "a.txt").write_text("some words " * 50)
    monkeypatch.setenv("SCALELAW_DOCS", str(tmp_path))
    monkeypatch.setattr("runners.corpora._bytes.HELD_OUT", 10**12)
    monkeypatch.setattr("runners.training.CORPORA", {"docs": type(CORPORA["docs"])()})
    with pytest.raises(DataError, match="text is not repeated") as caught:
        train(replace(SMALL, corpus="docs"), RunStore(tmp_path / "runs"), device="cpu")
    assert caught.value.code == "E_DATA_TOO_SMALL"
    assert not (tmp_path / "runs").exists()


def test_the_last_step_is_always_validated() -> None:
    for evals in (1, 2, 8, 100):
        steps = evaluation_steps(replace(SMALL, evals=evals))
        assert SMALL.steps in steps
        assert min(steps) >= 1


def test_validation_against_the_true_distribution_is_the_cross_entropy() -> None:
    """A forecast of equal probabilities costs ln V exactly; one of the truth costs the entropy."""
    corpus = CORPORA["markov"]
    validate = Validation(replace(SMALL, val_tokens=2**15), corpus, "cpu")
    assert validate(lambda tokens: torch.zeros(*tokens.shape, 64)) == pytest.approx(math.log(64), rel=1e-6)

    def truth(tokens: torch.Tensor) -> torch.Tensor:
        known = corpus.truth(tokens.numpy())
        assert known is not None
        return torch.from_numpy(known).log()

    assert validate(truth) == pytest.approx(corpus.entropy(32), abs=0.02)


def test_bfloat16_follows_single_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    single = losses(SMALL, tmp_path / "a", monkeypatch)
    half = losses(replace(SMALL, precision="bf16"), tmp_path / "b", monkeypatch)
    assert half != single
    np.testing.assert_allclose(half, single, rtol=0.02)


def test_an_unknown_device_is_refused_with_the_known_ones() -> None:
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="auto, cpu, cuda"):
        resolve_device("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no CUDA device"):
        resolve_device("cuda")


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


def refuse_memory(kind: str) -> Callable[[], None]:
    def act() -> None:
        if kind == "interpreter":
            raise MemoryError
        if kind == "accelerator":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        torch.empty(2**55)  # the CPU allocator's own words

    return act


@pytest.mark.parametrize("kind", ["interpreter", "accelerator", "allocator"])
def test_a_run_without_memory_says_so_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It is recorded, nothing is made smaller in silence, and the next attempt goes on from the checkpoint."""
    store = RunStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(training, "gradients", at_call(12, training.gradients, refuse_memory(kind)))
        record = train(SMALL, store, "cpu", options=RunOptions(checkpoint_steps=5))
    assert (record["status"], record["steps"], record["loss"]) == ("out_of_memory", 11, None)
    assert store.done(SMALL.run_id) == record
    assert store.settled(SMALL.run_id) is None
    assert train(SMALL, store, "cpu")["status"] == "finished"
    resumed = json.loads((store.folder(SMALL.run_id) / "spec.json").read_text())["resumed"]
    assert [attempt["step"] for attempt in resumed] == [10]


def test_a_model_that_does_not_fit_is_recorded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("runners.training.build_optimizer", at_call(1, lambda *args: None, refuse_memory("allocator")))
        record = train(SMALL, store, "cpu")
    assert (record["status"], record["steps"]) == ("out_of_memory", 0)
    assert store.done(SMALL.run_id) == record
    assert train(SMALL, store, "cpu")["status"] == "finished"


def test_another_error_is_no_lack_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="memory") as caught:
        torch.empty(2**55)
    assert is_out_of_memory(caught.value)


def test_a_line_says_what_a_step_took(tmp_path: Path) -> None:
    record, lines = trained(SMALL, tmp_path)
    assert set(lines[0]) == {"step", "tokens", "flops", "lr", "train_loss", "grad_norm", "val_loss", *CLOCKS}
    for name in ("step", "tokens", "flops", "wall_s", "device_s"):
        values = [line[name] for line in lines]
        assert values == sorted(values)
    assert 0 < record["device_s"] <= record["wall_s"] + 0.1  # one thread
    assert 2**26 < record["memory_bytes"] < 2**36


def test_the_record_names_the_code_and_whether_it_was_changed(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    train(SMALL, store, "cpu")
    record = json.loads((store.folder(SMALL.run_id) / "spec.json").read_text())
    assert TrainSpec(**record["spec"]) == SMALL
    assert record["versions"]["torch"] == torch.__version__
    assert record["commit"] is None or (len(record["commit"]["sha"]) == 40 and type(record["commit"]["dirty"]) is bool)


def test_deterministic_algorithms_are_on_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU they change nothing."""
    expected = losses(SMALL, tmp_path / "plain", monkeypatch)
    store = RunStore(tmp_path / "deterministic")
    try:
        train(SMALL, store, "cpu", options=RunOptions(deterministic=True))
    finally:
        torch.use_deterministic_algorithms(False)
    folder = store.folder(SMALL.run_id)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["train_loss"] for line in lines] == expected
    assert json.loads((folder / "spec.json").read_text())["deterministic"] is True
    plain = RunStore(tmp_path / "plain").folder(SMALL.run_id)
    assert json.loads((plain / "spec.json").read_text())["deterministic"] is False


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


def test_every_source_that_validates_is_described(tmp_path: Path) -> None:
    spec, other = replace(SMALL, corpus="chain", validate_on="chain:order=2"), "chain:order=2"
    record, lines = trained(spec, tmp_path)
    described = json.loads((RunStore(tmp_path).folder(spec.run_id) / "spec.json").read_text())
    assert described["validated_on"] == {other: dict(CORPORA[other].facts())}
    assert lines[-1][f"val_loss_{other}"] == record[f"loss_{other}"]


def test_the_record_says_how_many_tokens_were_different_ones(tmp_path: Path) -> None:
    """Whole examples, and no more than were trained on."""
    for asked, found in ((7 * 32 + 3, 7 * 32), (1, 32), (10**9, SMALL.n_tokens)):
        assert trained(replace(SMALL, unique_tokens=asked), tmp_path)[0]["unique_tokens"] == found


def one_step(spec: TrainSpec) -> tuple[float, list[torch.Tensor]]:
    """The loss and the clipped gradients of the first step."""
    source = CORPORA[spec.corpus]
    model = FAMILIES[spec.model].build(spec, source)
    examples = training.training_examples(spec, source)
    loss, _ = training.gradients(spec, source, model, model, examples, 0, "cpu")
    return loss, [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("fields", [{}, {"z_loss": 0.1}, {"tied": True, "kv_heads": 1, "head_dim": 4}])
def test_passes_over_parts_of_a_batch_add_up_to_the_whole(fields: dict[str, Any]) -> None:
    whole_loss, whole_gradients = one_step(replace(SMALL, **fields))
    for micro in (1, 2, 4):
        loss, gradients = one_step(replace(SMALL, micro_batch=micro, **fields))
        assert loss == pytest.approx(whole_loss, rel=1e-5)
        for part, known in zip(gradients, whole_gradients, strict=True):
            torch.testing.assert_close(part, known, rtol=1e-4, atol=1e-6)


def test_the_loss_that_is_logged_is_without_the_z_loss() -> None:
    """Which moves the gradients and nothing else."""
    plain, with_it = one_step(SMALL), one_step(replace(SMALL, z_loss=1.0))
    assert plain[0] == with_it[0]
    assert not torch.allclose(plain[1][-1], with_it[1][-1])


@pytest.mark.parametrize("lr", [2.0**-6, 2.0**-10])
def test_an_independent_decay_takes_its_share_whatever_the_rate(lr: float) -> None:
    """With gradients of zero a matrix keeps 1 - weight_decay x schedule of itself, at every width."""
    spec = replace(SMALL, width=64, lr=lr, weight_decay=0.1, independent_decay=True)
    model = FAMILIES["transformer"].build(spec, CORPORA["markov"])
    optimizer = training.build_optimizer(model, spec)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    training.set_rate(optimizer, spec.lr * 0.5)
    optimizer.step()
    for name, parameter in model.named_parameters():
        kept = 1.0 if parameter.dim() == 1 else 0.95
        torch.testing.assert_close(parameter.detach(), kept * before[name], rtol=1e-5, atol=1e-7)


def test_a_made_source_whose_numbers_round_otherwise_elsewhere_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may go on on another processor, whose exponential differs in the last digit."""
    store, source = RunStore(tmp_path), CORPORA["markov"]
    train(SMALL, store, "cpu", options=RunOptions(until=3))
    facts = dict(source.facts()) | {"sha256": "of other last digits"}
    monkeypatch.setattr(source, "facts", lambda: facts)
    assert train(SMALL, store, "cpu")["status"] == "finished"
