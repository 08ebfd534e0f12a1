"""Text is split by whole documents, never repeated, and its absence is explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runners.corpora import CORPORA
from runners.corpora.docs import PythonDocs
from scalelaw.errors import DataError, UsageError

DOCUMENTS = {f"{n:03d}.txt": f"<{n:03d}|" + chr(97 + n % 26) * (20 + n) + ">" for n in range(200)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in DOCUMENTS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("SCALELAW_DOCS", str(tmp_path))
    return tmp_path


def split(corpus: PythonDocs) -> tuple[set[bytes], set[bytes]]:
    """The documents of the training and of the held-out split."""
    return set(corpus.train_bytes.tobytes().split(b"\0")), set(corpus.held_out_bytes.tobytes().split(b"\0"))


def test_every_document_is_whole_in_exactly_one_split(folder: Path) -> None:
    train, held_out = split(PythonDocs())
    assert train.isdisjoint(held_out)
    assert train | held_out == {text.encode() for text in DOCUMENTS.values()}
    assert 3 <= len(held_out) <= 30  # one in sixteen of 200


def test_the_split_and_the_order_do_not_depend_on_names_or_folders(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = PythonDocs()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for n, text in enumerate(reversed(DOCUMENTS.values())):
        (elsewhere / str(n)).mkdir()
        (elsewhere / str(n) / "text.rst").write_text(text)
    np.testing.assert_array_equal(first.train_bytes, _corpus_in(elsewhere, monkeypatch).train_bytes)


def test_a_document_keeps_its_split_when_others_come(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, held_out = split(PythonDocs())
    for n in range(100):
        (folder / f"new{n}.md").write_text(f"another text, number {n}")
    assert held_out <= split(_corpus_in(folder, monkeypatch))[1]


def test_a_text_found_twice_counts_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = PythonDocs().facts()
    (folder / "copy.txt").write_text(DOCUMENTS["000.txt"])
    (folder / "empty.txt").write_text("")
    assert _corpus_in(folder, monkeypatch).facts() == once


def test_each_byte_is_a_target_at_most_once_and_each_window_is_consecutive(folder: Path) -> None:
    corpus, context = PythonDocs(), 8
    corpus.__dict__["train_bytes"] = np.arange(1000)  # positions instead of bytes
    windows = corpus.training(context, 124, seed=0)
    assert windows.shape == (124, context + 1)
    assert (np.diff(windows, axis=1) == 1).all()
    targets = windows[:, 1:].ravel()
    assert len(set(targets)) == len(targets)
    assert (np.diff(windows[:, 0]) < 0).any()  # shuffled


def test_windows_are_the_seed_s_and_validation_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, again = PythonDocs(), PythonDocs()
    np.testing.assert_array_equal(corpus.training(8, 100, seed=3), again.training(8, 100, seed=3))
    assert not np.array_equal(corpus.training(8, 100, seed=3), corpus.training(8, 100, seed=4))
    np.testing.assert_array_equal(corpus.validation(8, 10), again.validation(8, 10))
    held_out = corpus.held_out_bytes.tobytes()
    assert all(window.tobytes() in held_out for window in corpus.validation(8, 10))


@pytest.mark.parametrize("split_name", ["training", "validation"])
def test_text_is_refused_rather_than_repeated(folder: Path, split_name: str) -> None:
    with pytest.raises(DataError, match=r"has [\d,]+ tokens in this split.*lower n_tokens") as caught:
        PythonDocs().training(8, 10**6, seed=0) if split_name == "training" else PythonDocs().validation(8, 10**6)
    assert caught.value.code == "E_DATA_TOO_SMALL"


def test_a_missing_corpus_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"apt-get install python3-doc.*SCALELAW_DOCS") as caught:
        _ = _corpus_in(tmp_path, monkeypatch).train_bytes
    assert caught.value.code == "E_NO_CORPUS"
    assert caught.value.file == str(tmp_path)


def test_the_interpreter_s_own_sources_are_a_corpus() -> None:
    """Its size follows the interpreter; its 12 MB and more are there wherever Python is."""
    corpus = CORPORA["python"]
    windows = corpus.training(64, 1000, seed=0)
    assert (windows.shape, windows.dtype) == ((1000, 65), np.uint8)
    assert not any("site-packages" in path.parts for path in corpus.files())  # type: ignore[attr-defined]
    facts = corpus.facts()
    assert int(str(facts["train_tokens"])) > 4_000_000
    assert len(str(facts["sha256"])) == 64


@pytest.mark.parametrize("name", CORPORA.names())
def test_every_corpus_has_a_name_and_a_vocabulary(name: str) -> None:
    assert CORPORA[name].name == name
    assert 2 <= CORPORA[name].vocab <= 256


def test_an_unknown_corpus_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'c4'. Known: docs, markov, python"):
        CORPORA["c4"]


def _corpus_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> PythonDocs:
    monkeypatch.setenv("SCALELAW_DOCS", str(folder))
    return PythonDocs()
