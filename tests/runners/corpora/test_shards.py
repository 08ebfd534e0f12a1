"""Shards are written and read as others write and read them, split by content, and never read whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runners.corpora import CORPORA
from runners.corpora._bytes import split_of
from runners.corpora._packing import pack
from runners.corpora._text import SPLITS
from runners.corpora.files import Files
from runners.corpora.shards import ShardCorpus
from scalelaw.errors import DataError, UsageError
from tests.runners.corpora.conftest import DOCUMENTS, windows


def packed(documents: Path, out: Path, **options: object) -> ShardCorpus:
    pack(Files("text", documents).contents, out, source="a test", **options)  # type: ignore[arg-type]
    return ShardCorpus("shards", out)


def text_of(corpus: ShardCorpus, split: str) -> bytes:
    return b"".join(part.astype(np.uint8).tobytes() for part in corpus.parts(split))


def test_packed_documents_are_split_as_the_corpus_of_files_splits_them(documents: Path, tmp_path: Path) -> None:
    shards, files = packed(documents, tmp_path / "out"), Files("text", documents)
    for split in SPLITS:
        assert set(text_of(shards, split).split(b"\0")) - {b""} == set(files.of_split(split))
    facts = shards.facts()
    assert shards.vocab == 256
    assert facts["bytes_per_token"] == pytest.approx(1.0, abs=0.1)
    assert facts["train_tokens"] == sum(len(text) + 1 for text in files.of_split("train"))


def test_small_shards_hold_the_same_tokens_as_one(documents: Path, tmp_path: Path) -> None:
    one, many = packed(documents, tmp_path / "one"), packed(documents, tmp_path / "many", shard_tokens=500)
    assert len(many.parts("train")) > 10
    assert all(len(part) <= 500 for part in many.parts("train"))
    for split in SPLITS:
        assert text_of(one, split) == text_of(many, split)


def test_a_document_met_again_is_left_out(documents: Path, tmp_path: Path) -> None:
    once = packed(documents, tmp_path / "once")
    (documents / "zzz.txt").write_text(DOCUMENTS["000.txt"])
    twice = packed(documents, tmp_path / "twice")
    description = json.loads((tmp_path / "twice" / "corpus.json").read_text())
    assert description["documents_left_out_as_repeats"] == 1
    assert sorted(text_of(once, "train").split(b"\0")) == sorted(text_of(twice, "train").split(b"\0"))


def test_llm_c_reads_the_header(documents: Path, tmp_path: Path) -> None:
    """256 int32: magic 20240520, version 1, the number of tokens; then uint16, as its dataloader.h checks."""
    packed(documents, tmp_path / "out")
    content = (tmp_path / "out" / "train_000000.bin").read_bytes()
    header = np.frombuffer(content[:1024], "<i4")
    assert list(header[:3]) == [20240520, 1, (len(content) - 1024) // 2]
    assert not header[3:].any()


@pytest.mark.parametrize("kind", ["llm.c uint16", "llm.c uint32", "nanoGPT", "npy"])
def test_every_format_gives_its_tokens(kind: str, tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).integers(0, 50_000, 5000)
    for split in ("train", "val"):
        if kind == "npy":
            np.save(tmp_path / f"{split}.npy", tokens.astype(np.uint16))
        else:
            magic, version, dtype = (20240801, 7, "<u4") if kind.endswith("32") else (20240520, 1, "<u2")
            header = np.zeros(256, "<i4")
            header[:3] = magic, version, len(tokens)
            content = (b"" if kind == "nanoGPT" else header.tobytes()) + tokens.astype(dtype).tobytes()
            (tmp_path / f"{split}.bin").write_bytes(content)
    corpus = CORPORA[f"shards:{tmp_path}|vocab=50000"]
    assert isinstance(corpus, ShardCorpus)
    (train,), (validation,), (held_out,) = map(corpus.parts, SPLITS)
    np.testing.assert_array_equal(train, tokens)
    np.testing.assert_array_equal(np.concatenate([validation, held_out]), tokens)


def test_names_say_the_split_and_shards_without_one_are_cut(tmp_path: Path) -> None:
    for number, name in enumerate(("medieval_train_0", "tested_1", "c_val_0", "c_test_0")):
        np.save(tmp_path / f"{name}.npy", np.full(320, number, np.uint16))
    found = {split: [int(part[0]) for part in ShardCorpus("s", tmp_path, 4).parts(split)] for split in SPLITS}
    assert found == {"train": [0, 1], "validation": [2], "held_out": [3]}
    (tmp_path / "c_val_0.npy").unlink()
    (tmp_path / "c_test_0.npy").unlink()
    cut = ShardCorpus("s", tmp_path, 4)
    assert {split: [len(part) for part in cut.parts(split)] for split in SPLITS} == {
        "train": [310, 310], "validation": [5, 5], "held_out": [5, 5],
    }  # fmt: skip


def test_every_window_is_met_once_and_none_crosses_shards(tmp_path: Path) -> None:
    lengths = (1000, 37, 8, 513)
    starts = np.cumsum([0, *lengths]) + 10 * np.arange(5)  # gaps, so that a window across shards would show
    for start, length in zip(starts, lengths, strict=False):
        np.save(tmp_path / f"train_{start:05d}.npy", np.arange(start, start + length, dtype=np.uint16))
    np.save(tmp_path / "val.npy", np.arange(100, dtype=np.uint16))
    corpus, context = ShardCorpus("s", tmp_path, vocab=2000), 8
    available = sum((length - 1) // context for length in lengths)
    found = windows(corpus.training(context, available, seed=0))
    assert (np.diff(found.astype(int), axis=1) == 1).all()
    assert len(np.unique(found[:, 0])) == available
    assert (np.diff(found[:, 0].astype(int)) < 0).any()
    assert not np.array_equal(found, windows(corpus.training(context, available, seed=1)))
    np.testing.assert_array_equal(found[:20], windows(corpus.training(context, 20, seed=0)))
    with pytest.raises(DataError, match="tokens to train on"):
        corpus.training(context, available + 1, seed=0)


def test_shards_are_mapped_and_not_read(documents: Path, tmp_path: Path) -> None:
    """A sparse shard of 40 GB, more than memory: windows come at once."""
    with open(tmp_path / "train.bin", "wb") as file:
        file.truncate(40 * 2**30)
    np.save(tmp_path / "val.npy", np.zeros(1000, np.uint16))
    corpus = ShardCorpus("s", tmp_path, vocab=10)
    examples = corpus.training(1024, 2 * 10**7, seed=0)
    inputs, _ = examples.take(np.arange(64))
    assert (inputs.shape, inputs.max()) == ((64, 1024), 0)
    assert corpus.facts()["train_tokens"] == 20 * 2**30


def test_a_token_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", np.arange(1000, dtype=np.uint16))
    examples = ShardCorpus("s", tmp_path, vocab=500).training(8, 100, seed=0)
    with pytest.raises(DataError, match="outside the vocabulary of 500") as caught:
        examples.take(np.arange(100))
    assert caught.value.code == "E_BAD_TOKEN"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\x01", "no multiple of uint16"), (np.array([20240520, 1, 99], "<i4").tobytes() + bytes(1012), "cut short")],
)
def test_a_broken_shard_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "train.bin").write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        ShardCorpus("s", tmp_path, vocab=10).parts("train")
    assert caught.value.file == str(tmp_path / "train.bin")


def test_what_is_missing_is_named(documents: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no shards.*scalelaw corpora pack"):
        ShardCorpus("s", tmp_path / "nowhere").parts("train")
    np.save(tmp_path / "train.npy", np.zeros(10, np.uint16))
    with pytest.raises(UsageError, match=r"do not say their vocabulary"):
        _ = ShardCorpus("shards:x", tmp_path).vocab
    corpus = packed(documents, tmp_path / "out")
    (tmp_path / "out" / "train_000000.bin").unlink()
    with pytest.raises(DataError, match=r"train_000000.bin is missing"):
        corpus.parts("train")
    with pytest.raises(UsageError, match="holds a corpus already"):
        packed(documents, tmp_path / "out")


def test_packing_twice_gives_the_same_bytes_and_another_text_another_hash(documents: Path, tmp_path: Path) -> None:
    first, second = packed(documents, tmp_path / "first").facts(), packed(documents, tmp_path / "second").facts()
    assert first == second
    (documents / "000.txt").write_text("something else")
    other = packed(documents, tmp_path / "other").facts()
    assert other["sha256"] != first["sha256"]
    assert other["sha256_of_samples"] != first["sha256_of_samples"]


def test_the_split_of_a_document_is_that_of_its_hash() -> None:
    assert [split_of(f"{n:08x}") for n in (0, 16, 32, 1)] == ["held_out", "validation", "held_out", "train"]
