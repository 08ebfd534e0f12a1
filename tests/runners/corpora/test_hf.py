"""Datasets of the package `datasets` become shards once, split by content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runners.corpora import CORPORA, hf
from runners.corpora._text import SPLITS
from runners.corpora.files import Files
from runners.corpora.shards import ShardCorpus
from scalelaw.errors import DataError, UsageError
from tests.runners.corpora.conftest import DOCUMENTS

datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A dataset of `DOCUMENTS` as `save_to_disk` leaves it."""
    rows = datasets.Dataset.from_dict({"content": list(DOCUMENTS.values()), "number": list(range(len(DOCUMENTS)))})
    rows.save_to_disk(tmp_path / "saved")
    return tmp_path / "saved"


def corpus(name: str) -> ShardCorpus:
    found = CORPORA[name]
    assert isinstance(found, ShardCorpus)
    return found


def test_a_saved_dataset_is_split_as_the_same_texts_in_files_are(saved: Path, documents: Path) -> None:
    found, files = corpus(f"hf:{saved}|column=content"), Files("text", documents)
    for split in SPLITS:
        text = b"".join(part.astype(np.uint8).tobytes() for part in found.parts(split))
        assert set(text.split(b"\0")) - {b""} == set(files.of_split(split))
    assert str(saved) in str(found.facts()["source"])
    assert len(str(found.facts()["sha256"])) == 64


def test_it_is_streamed_from_local_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "lines.txt").write_text("\n".join(DOCUMENTS.values()))
    found = corpus(f"hf:text|files={tmp_path / 'lines.txt'}|documents=150")
    size = sum(int(str(found.facts()[f"{split}_tokens"])) for split in SPLITS)
    assert size == sum(len(text) + 1 for text in list(DOCUMENTS.values())[:150])


def test_once_packed_it_needs_the_package_no_more(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"hf:{saved}|column=content|split=train"
    expected = corpus(name).facts()
    monkeypatch.setattr(hf.HubCorpus, "_rows", None)
    assert hf.KIND.source(name).facts() == expected


def test_a_column_without_text_is_named(saved: Path) -> None:
    with pytest.raises(DataError, match=r"holds no text; found 'content, number'.*\|column=content") as caught:
        corpus(f"hf:{saved}").parts("train")
    assert (caught.value.code, caught.value.column) == ("E_MISSING_COLUMN", "text")
    with pytest.raises(DataError, match="number"):
        corpus(f"hf:{saved}|column=number").parts("train")


def test_what_cannot_be_loaded_and_what_is_not_named_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be loaded.*names are written hf:DATASET") as caught:
        corpus(f"hf:json|files={tmp_path}/none.jsonl").parts("train")
    assert caught.value.code == "E_NO_CORPUS"
    with pytest.raises(UsageError, match="needs a dataset"):
        CORPORA["hf"]
