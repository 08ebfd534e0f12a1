"""Text is split by whole documents, never repeated, and its absence is explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runners.corpora import CORPORA
from runners.corpora._bytes import split_of
from runners.corpora._text import SPLITS
from runners.corpora.docs import PythonDocs
from runners.corpora.files import Files
from scalelaw.errors import DataError
from tests.runners.corpora.conftest import DOCUMENTS, everything, windows, write_documents

ALL = {text.encode() for text in DOCUMENTS.values()}


def split(corpus: Files) -> dict[str, set[bytes]]:
    """The documents of each split."""
    return {name: set(corpus.tokens(name).tobytes().split(b"\0")) for name in SPLITS}


def test_every_document_is_whole_in_exactly_one_split(documents: Path) -> None:
    found = split(Files("text", documents))
    assert sum(map(len, found.values())) == len(ALL)
    assert set().union(*found.values()) == ALL
    assert all(1 <= len(found[name]) <= 15 for name in ("validation", "held_out"))  # each one in 32 of 200


def test_a_sixteenth_of_all_hashes_is_kept_from_training() -> None:
    counts = dict.fromkeys(SPLITS, 0)
    for n in range(3200):
        counts[split_of(f"{n:08x}")] += 1
    assert counts == {"train": 3000, "validation": 100, "held_out": 100}


def test_the_split_and_the_order_do_not_depend_on_names_or_folders(documents: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for n, text in enumerate(reversed(DOCUMENTS.values())):
        (elsewhere / str(n)).mkdir(parents=True)
        (elsewhere / str(n) / "text.rst").write_text(text)
    first, second = Files("a", documents), Files("b", elsewhere)
    for name in SPLITS:
        np.testing.assert_array_equal(first.tokens(name), second.tokens(name))


def test_a_document_keeps_its_split_when_others_come(documents: Path) -> None:
    before = split(Files("text", documents))
    for n in range(100):
        (documents / f"new{n}.md").write_text(f"another text, number {n}")
    after = split(Files("text", documents))
    assert all(before[name] <= after[name] for name in SPLITS)


def test_a_text_found_twice_counts_once(documents: Path) -> None:
    once = Files("text", documents).facts()
    (documents / "copy.txt").write_text(DOCUMENTS["000.txt"])
    (documents / "empty.txt").write_text("")
    assert Files("text", documents).facts() == once


def test_each_byte_is_a_target_at_most_once_and_each_window_is_consecutive() -> None:
    corpus, context = Files("text", "nowhere"), 8
    corpus.__dict__["_tokens"] = {"train": np.arange(1000)}  # positions instead of bytes
    found = windows(corpus.training(context, 124, seed=0))
    assert found.shape == (124, context + 1)
    assert (np.diff(found, axis=1) == 1).all()
    targets = found[:, 1:].ravel()
    assert len(set(targets)) == len(targets)
    assert (np.diff(found[:, 0]) < 0).any()  # shuffled


def test_windows_are_the_seed_s_and_validation_stays(documents: Path) -> None:
    corpus, again = Files("text", documents), Files("text", documents)
    np.testing.assert_array_equal(windows(corpus.training(8, 100, seed=3)), windows(again.training(8, 100, seed=3)))
    assert not np.array_equal(windows(corpus.training(8, 100, seed=3)), windows(corpus.training(8, 100, seed=4)))
    for name in ("validation", "held_out"):
        found = windows(getattr(corpus, name)(8, 10))
        np.testing.assert_array_equal(found, windows(getattr(again, name)(8, 10)))
        text = corpus.tokens(name).tobytes()
        assert all(window.tobytes() in text for window in found)


def test_text_is_refused_rather_than_repeated(documents: Path) -> None:
    with pytest.raises(DataError, match=r"has [\d,]+ tokens to train on.*lower n_tokens") as caught:
        Files("text", documents).training(8, 10**6, seed=0)
    assert caught.value.code == "E_DATA_TOO_SMALL"


def test_validation_takes_all_of_a_small_split_and_refuses_an_empty_one(documents: Path, tmp_path: Path) -> None:
    corpus = Files("text", documents)
    assert len(corpus.validation(8, 10**6)) == (len(corpus.tokens("validation")) - 1) // 8
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "one.txt").write_text("the only document")
    with pytest.raises(DataError, match=r"no window of that context in its split validation.*larger corpus"):
        Files("text", tmp_path / "alone").validation(8, 1)


def test_docs_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_DOCS", str(tmp_path))
    with pytest.raises(DataError, match=r"apt-get install python3-doc.*SCALELAW_DOCS") as caught:
        PythonDocs().tokens("train")
    assert caught.value.code == "E_NO_CORPUS"
    assert caught.value.file == str(tmp_path)


def test_docs_of_another_folder_are_not_said_to_be_python_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_DOCS", str(write_documents(tmp_path)))
    facts = PythonDocs().facts()
    assert str(tmp_path) in str(facts["source"])
    assert facts["licence"] == "not stated"


def test_the_interpreter_s_own_sources_are_a_corpus() -> None:
    """Its size follows the interpreter; its 12 MB and more are there wherever Python is."""
    corpus = CORPORA["python"]
    inputs, _ = everything(corpus.training(64, 1000, seed=0))
    assert (inputs.shape, inputs.dtype) == ((1000, 64), np.uint8)
    assert not any("site-packages" in path.parts for path in corpus.files())  # type: ignore[attr-defined]
    facts = corpus.facts()
    assert int(str(facts["train_tokens"])) > 4_000_000
    assert len(str(facts["sha256"])) == 64
