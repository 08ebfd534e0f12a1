"""Training one spec: counted exactly, repeatable to the bit, honest about divergence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from runners import training
from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.options import RunOptions
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.training import evaluation_steps, is_out_of_memory, resolve_device, train
from runners.validation import Validation
from scalelaw.errors import DataError, UsageError
from tests.runners.small import CLOCKS, SMALL, at_call, losses, trained

GOLDEN = Path(__file__).with_name("golden_20_steps.json")


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
