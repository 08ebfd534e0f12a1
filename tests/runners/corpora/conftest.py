"""A folder of two hundred documents, a cache of the test's own, and all of a source's examples at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runners.corpora import Array, Examples

LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
DOCUMENTS = {
    f"{n:03d}.txt": f"<{n:03d}|" + "".join(np.random.default_rng(n).choice(LETTERS, 20 + n)) + ">" for n in range(200)
}


def everything(examples: Examples) -> tuple[Array, Array]:
    """Inputs and targets of all examples, in order."""
    return examples.take(np.arange(len(examples)))


def windows(examples: Examples) -> Array:
    """All examples of text, each with its last target, `[n, context + 1]`."""
    inputs, targets = everything(examples)
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    return np.concatenate([inputs, targets[:, -1:]], axis=1)


def write_documents(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SCALELAW_CACHE", str(path))
    return path


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of `DOCUMENTS`."""
    return write_documents(tmp_path / "documents")
