"""What a run could not be validated on is refused before a step is paid for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.corpora import CORPORA
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.together import train_together
from runners.training import evaluation_steps, train
from runners.validation import Validation, check_sources, require_samples
from scalelaw.errors import DataError, ScalelawError, UsageError

SMALL = TrainSpec("markov", width=16, depth=1, n_tokens=4 * 128, context=32, batch_size=4, val_tokens=256, evals=2)
VECTORS = replace(SMALL, corpus="random_features", model="mlp", context=1, n_tokens=16)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (replace(SMALL, validate_on="arithmetic"), "arithmetic, which gives tokens, 15 outputs.*markov.*64 outputs"),
        (replace(SMALL, validate_on="digits_classes"), r"gives images of shape \(1, 8, 8\)"),
        (replace(SMALL, validate_on="novels"), "Unknown corpus 'novels'"),
        (replace(SMALL, corpus="chain:vocab=17", validate_on="pcfg"), None),
        (replace(SMALL, corpus="chain:vocab=17", validate_on="pcfg", context=33), "a multiple of 8; found 33"),
        (replace(VECTORS, validate_on="random_features:d=32"), r"vectors of shape \(32,\)"),
        (replace(VECTORS, z_loss=0.1), "no softmax for z_loss"),
    ],
)
def test_a_source_a_model_cannot_be_validated_on_is_refused(
    tmp_path: Path, spec: TrainSpec, message: str | None
) -> None:
    """Alone and in a stack, and no directory claims the run."""
    if message is None:
        assert train(spec, RunStore(tmp_path), "cpu")["loss_pcfg"] > 0
        return
    for go in (train, lambda spec, *rest: train_together([spec, replace(spec, seed=1)], *rest)):
        with pytest.raises(UsageError, match=message):
            go(spec, RunStore(tmp_path / "runs"), "cpu")
        assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("empty", ["validation", "held_out"])
def test_an_empty_split_is_found_before_the_run_and_not_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    text = tmp_path / "text"
    text.mkdir()
    for number in range(300):
        (text / f"{number}.txt").write_text(f"text {number} " * 10)
    name = f"files:{text}"
    corpus = CORPORA[name]
    tokens = type(corpus).tokens  # type: ignore[attr-defined]
    monkeypatch.setattr(
        type(corpus), "tokens", lambda self, split: tokens(self, split)[: 0 if split == empty else None]
    )
    spec = replace(SMALL, corpus=name)
    with pytest.raises(DataError, match=f"no window of that context in its split {empty}"):
        train(spec, RunStore(tmp_path / "runs"), "cpu")
    assert not (tmp_path / "runs").exists()


def test_tokens_of_another_tokenizer_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two vocabularies of one size are not one vocabulary."""
    own, other = (CORPORA[f"chain:vocab=8|order={order}"] for order in (1, 2))
    spec = replace(SMALL, corpus=own.name, validate_on=other.name)
    check_sources(spec, [own, other])
    require_samples(spec, [own, other])
    for source, sha256 in ((own, "a"), (other, "b")):
        monkeypatch.setattr(source, "facts", lambda sha256=sha256: {"tokenizer_sha256": sha256})
    with pytest.raises(UsageError, match=r"tokenizer is not that of chain:vocab=8\|order=1"):
        require_samples(spec, [own, other])


def test_a_source_named_twice_is_validated_on_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Validation, "__call__", lambda self, forward: seen.append(self.source.name) or 1.0)
    train(replace(SMALL, validate_on="markov, markov", evals=1), RunStore(tmp_path), "cpu")
    assert seen == ["markov"]


def test_one_evaluation_is_the_last() -> None:
    long = replace(SMALL, n_tokens=1000 * 128)
    assert evaluation_steps(replace(long, evals=1)) == {1000}
    assert evaluation_steps(replace(long, evals=3)) == {10, 100, 1000}


@pytest.mark.parametrize(
    "odd",
    [
        {"context": 1},
        {"batch_size": 1, "n_tokens": 32},
        {"evals": 1000},
        {"val_tokens": 1},
        {"unique_tokens": 1},
        {"unique_tokens": 10**9},
        {"micro_batch": 1, "kv_heads": 1},
        {"warmup_tokens": 10**9},
    ],
)
def test_odd_specs_train_to_their_end(tmp_path: Path, odd: dict[str, Any]) -> None:
    spec = replace(SMALL, **odd)
    record = train(spec, RunStore(tmp_path), "cpu")
    assert (record["status"], record["n_tokens"]) == ("finished", spec.tokens_trained)
    if spec.unique_tokens:
        assert record["unique_tokens"] == min(spec.unique_examples * spec.context, spec.tokens_trained)


@pytest.mark.parametrize("name", ["ein Ördner, mit Komma", "a=b", "..", "x|y"])
def test_a_path_of_strange_letters_is_a_corpus_or_an_error_that_says_so(tmp_path: Path, name: str) -> None:
    text = tmp_path / "text" / name
    text.mkdir(parents=True, exist_ok=True)
    for number in range(300):
        (text / f"{number}.txt").write_text(f"text {number} " * 10)
    spec, store = replace(SMALL, corpus=f"files:{text}"), RunStore(tmp_path / "runs")
    if "|" in name:
        with pytest.raises(ScalelawError, match="which is none of files:PATH"):
            train(spec, store, "cpu")
    else:
        assert train(spec, store, "cpu")["status"] == "finished"
        assert [path.parent for path in (tmp_path / "runs").glob("*/done.json")] == [store.folder(spec.run_id)]
