"""Text of one's own: a folder or one file, as bytes or in tokens learned from its training split."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runners.corpora import CORPORA
from runners.corpora._bytes import split_of
from runners.corpora._text import SPLITS, TextCorpus
from runners.corpora.files import PASSAGE, Files, passages
from scalelaw.errors import DataError, UsageError
from tests.runners.corpora.conftest import windows

LETTERS = list("abcdefghijklmnopqrstuvwxy")  # no z
WORDS = ["".join(np.random.default_rng(n).choice(LETTERS, 3 + n % 6)) for n in range(60)] + ["naïve", "—", "\n"]


def story(seed: int) -> str:
    """Some text with words that recur, not all of it ASCII."""
    return " ".join(np.random.default_rng(seed).choice(WORDS, 300))


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    folder = tmp_path / "stories"
    folder.mkdir()
    for seed in range(120):
        (folder / f"{seed}.txt").write_text(story(seed), encoding="utf-8")
    return folder


def corpus(name: str) -> TextCorpus:
    found = CORPORA[name]
    assert isinstance(found, TextCorpus)
    return found


def test_hidden_files_and_other_endings_are_left_out(stories: Path) -> None:
    before = Files("a", stories, ".txt").sha256
    (stories / ".git").mkdir()
    (stories / ".git" / "config.txt").write_text("hidden")
    (stories / "notes.md").write_text("other")
    assert Files("a", stories, ".txt").sha256 == before
    assert Files("a", stories).sha256 != before


def test_one_file_is_cut_into_passages_at_blank_lines(tmp_path: Path) -> None:
    text = "\n\n".join(story(seed) for seed in range(200)).encode()
    (tmp_path / "book.txt").write_bytes(text)
    parts = passages(text)
    assert b"".join(parts) == text
    assert all(len(part) >= PASSAGE for part in parts[:-1])
    assert max(map(len, parts)) < PASSAGE + 4000
    assert Files("a", tmp_path / "book.txt").facts()["documents"] == len(parts)


def test_no_files_and_no_path_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no .rst files.*files:PATH") as caught:
        Files("a", tmp_path, ".rst").tokens("train")
    assert (caught.value.code, caught.value.file) == ("E_NO_CORPUS", str(tmp_path))
    with pytest.raises(UsageError, match=r"needs a folder or a file"):
        CORPORA["files"]


class TestBpe:
    """Tokens of a BPE."""

    @pytest.fixture(autouse=True)
    def package(self) -> None:
        pytest.importorskip("tokenizers")

    def test_its_tokens_say_the_text_again(self, stories: Path) -> None:
        """Decoding every document gives the document, byte for byte; its end is one token."""
        import tokenizers

        found = corpus(f"files:{stories}|bpe=400")
        model = tokenizers.Tokenizer.from_str(found.tokenizer.json)  # type: ignore[attr-defined]
        end = found.tokenizer.end  # type: ignore[attr-defined]
        for split in SPLITS:
            runs = itertools.groupby(found.tokens(split).tolist(), end.__eq__)
            pieces = [list(run) for is_end, run in runs if not is_end]
            texts = found.text.of_split(split)  # type: ignore[attr-defined]
            assert [model.decode(piece).encode() for piece in pieces] == texts

    def test_it_has_as_many_tokens_as_its_name_says_and_fewer_than_bytes(self, stories: Path) -> None:
        found, plain = corpus(f"files:{stories}|bpe=320"), corpus(f"files:{stories}")
        assert (found.vocab, plain.vocab) == (320, 256)
        assert found.tokens("train").max() < 320
        ratio = found.text_bytes("validation") / len(found.tokens("validation"))
        assert found.facts()["bytes_per_token"] == ratio > 1.3
        assert plain.facts()["bytes_per_token"] == 1.0
        assert windows(found.training(16, 50, 0)).shape == (50, 17)

    def test_it_is_trained_on_the_training_split_alone(self, stories: Path) -> None:
        """A word that fills the other splits and is nowhere in training leaves the tokenizer as it is."""
        before = corpus(f"files:{stories}|bpe=380").tokenizer.json  # type: ignore[attr-defined]
        strange = [f"{number} {'zyzzyva ' * 400}".encode() for number in range(200)]
        for number, text in enumerate(strange):
            if split_of(hashlib.sha256(text).hexdigest()) != "train":
                (stories / f"strange{number}.txt").write_bytes(text)
        CORPORA._made.clear()
        after = corpus(f"files:{stories}|bpe=380")
        assert sum(b"zyzzyva" in text for text in after.text.documents.values()) >= 5  # type: ignore[attr-defined]
        assert after.tokenizer.json == before  # type: ignore[attr-defined]

    def test_a_second_process_reads_what_the_first_made(
        self, stories: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from runners.corpora import _bpe

        expected = corpus(f"files:{stories}|bpe=300").facts()
        assert len(list((cache / "bpe").iterdir())) == 4  # a tokenizer and three splits
        CORPORA._made.clear()
        monkeypatch.setattr(_bpe, "train", None)
        assert corpus(f"files:{stories}|bpe=300").facts() == expected

    def test_training_again_gives_the_same_tokenizer(self, stories: Path) -> None:
        from runners.corpora import _bpe

        texts = Files("a", stories).of_split("train")
        assert _bpe.train(texts, 400).json == _bpe.train(texts, 400).json

    def test_too_small_and_too_large_vocabularies_are_refused(self, stories: Path) -> None:
        with pytest.raises(UsageError, match="at least 257 tokens; found 100"):
            corpus(f"files:{stories}|bpe=100").tokens("train")
        with pytest.raises(DataError, match=r"has pairs for a BPE of \d+ tokens, not of") as caught:
            corpus(f"files:{stories}|bpe=60000").tokens("train")
        assert caught.value.code == "E_DATA_TOO_SMALL"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("some words")

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"a\.txt: a file of a corpus cannot be read \(Permission denied\)"):
        corpus(f"files:{tmp_path}").tokens("train")


def test_a_folder_that_cannot_be_looked_into_is_named(stories: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than left out in silence."""
    real = os.scandir

    def refuse(place: str | Path) -> Any:
        if str(place).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(place))
        return real(place)

    (stories / "shut").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"shut: a folder of a corpus cannot be read \(Permission denied\)"):
        corpus(f"files:{stories}").tokens("train")
