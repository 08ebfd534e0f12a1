"""Corpora larger than memory: token shards that are memory-mapped and never read whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from runners.corpora._bytes import HELD_OUT
from runners.corpora._packing import DESCRIPTION
from runners.corpora._shard_files import open_shard
from runners.corpora._shuffle import Shuffle
from runners.corpora._templates import Options, Template, whole
from runners.corpora._text import SPLITS, enough
from runners.corpora.base import Array, Corpus, Examples, Index
from scalelaw.errors import DataError, UsageError

NAMED = {
    "train": {"train", "training"},
    "validation": {"val", "valid", "validation", "dev"},
    "held_out": {"test", "held", "heldout"},
}
"""Words of a file's name that say its split; the first that is one of them does."""
SAMPLED = 2**16
"""Bytes at either end of a shard that its fingerprint reads."""


@dataclass(frozen=True)
class ShardWindows:
    """The first `count` windows of several texts, in a shuffled order; no window crosses from one to the next."""

    parts: tuple[Array, ...]
    context: int
    count: int
    order: Shuffle
    vocab: int

    def __len__(self) -> int:
        return self.count

    def take(self, index: Index) -> tuple[Array, Array]:
        """`[n, context]` twice.

        Raises:
            DataError: for a token outside the vocabulary.
        """
        place = self.order(index)
        part = np.searchsorted(self._first, place, side="right") - 1
        windows = np.empty((len(index), self.context + 1), np.result_type(*(text.dtype for text in self.parts)))
        for number in np.unique(part):
            here = part == number
            starts = (place[here] - self._first[number]) * self.context
            windows[here] = sliding_window_view(self.parts[number], self.context + 1)[starts]
        if windows.size and int(windows.max()) >= self.vocab:
            raise DataError(
                "E_BAD_TOKEN",
                f"a shard holds a token outside the vocabulary of {self.vocab}",
                value=int(windows.max()),
                remedy="give the vocabulary: shards:PATH|vocab=50304",
            )
        return windows[:, :-1], windows[:, 1:]

    @cached_property
    def _first(self) -> NDArray[np.int64]:
        """The number of the first window of each part."""
        return np.cumsum([0, *(window_count(part, self.context) for part in self.parts[:-1])])


def window_count(text: Array, context: int) -> int:
    """Windows of a text in which each token is a target at most once."""
    return max(len(text) - 1, 0) // context


class ShardCorpus(Corpus):
    """The shards of a folder, in splits.

    Where `scalelaw corpora pack` wrote them, `corpus.json` says everything, and documents are split by their content.
    Other shards are split by a word of their names: val or dev, test or held; the rest is to train on. Where none is
    for validation, the last 32nd of every shard is; where none is held out, the second half of those for validation.
    """

    def __init__(self, name: str, folder: str | Path, vocab: int | None = None, dtype: str = "uint16") -> None:
        self.name, self.folder = name, Path(folder).expanduser()
        self._vocab, self._dtype = vocab, np.dtype(dtype).newbyteorder("<")

    @property
    def vocab(self) -> int:  # type: ignore[override]
        """The description's, or the given one."""
        found = self._vocab or self._description.get("vocab")
        if not found:
            self._shards  # noqa: B018 - where there are none, that is the news
            raise UsageError(f"The shards of {self.folder} do not say their vocabulary. Next: {self.name}|vocab=50304")
        return int(found)

    @cached_property
    def _description(self) -> Mapping[str, Any]:
        path = self.folder / DESCRIPTION
        if not path.exists():
            return {}
        try:
            found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError("E_NOT_JSON", f"no description of a corpus ({error})", file=path) from None
        return found

    @cached_property
    def _shards(self) -> Mapping[Path, Array]:
        said = [self.folder / name for name in self._description.get("shards", ())]
        paths = sorted(said or (path for path in self.folder.glob("*") if path.suffix in (".bin", ".npy")))
        missing = [path.name for path in paths if not path.is_file()]
        if not paths or missing:
            raise DataError(
                "E_NO_CORPUS",
                f"the shard {missing[0]} is missing" if missing else "no shards (.bin, .npy)",
                file=self.folder,
                remedy="write them with: scalelaw corpora pack FILES --out FOLDER",
            )
        return {path: open_shard(path, self._dtype) for path in paths}

    @cached_property
    def _parts(self) -> Mapping[str, tuple[Array, ...]]:
        named: dict[str, list[Array]] = {split: [] for split in SPLITS}
        for path, tokens in self._shards.items():
            named[_split_named(path.stem)].append(tokens)
        if not named["validation"]:
            named["train"], named["validation"] = _cut(named["train"], 1 - 1 / HELD_OUT)
        if not named["held_out"]:
            named["validation"], named["held_out"] = _cut(named["validation"], 1 / 2)
        return {split: tuple(parts) for split, parts in named.items()}

    def parts(self, split: str) -> tuple[Array, ...]:
        """Memory maps of the tokens of a split, which no window crosses."""
        return self._parts[split]

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Windows of consecutive tokens in a shuffled order; each token is a target at most once."""
        return self._windows("train", context, count, (seed, 7))

    def validation(self, context: int, count: int) -> Examples:
        """A fixed random sample of the validation windows, or all of them in a small corpus."""
        return self._windows("validation", context, count, (2011,))

    def held_out(self, context: int, count: int) -> Examples:
        """A fixed random sample of the held-out windows, likewise."""
        return self._windows("held_out", context, count, (2012,))

    def _windows(self, split: str, context: int, count: int, seed: tuple[int, ...]) -> ShardWindows:
        parts = self.parts(split)
        available = sum(window_count(part, context) for part in parts)
        enough(self.name, split, available * context, count * context)
        return ShardWindows(parts, context, min(count, available), Shuffle(available, seed), self.vocab)

    def facts(self) -> Mapping[str, object]:
        """What the description says, the sizes, and a fingerprint of the shards: their names, sizes and ends."""
        said = self._description
        validation = said.get("splits", {}).get("validation", {})
        return {
            "source": said.get("source", f"token shards of {self.folder}"),
            "licence": said.get("licence", "not stated"),
            "version": said.get("version", "as found"),
            **{f"{split}_tokens": sum(map(len, self.parts(split))) for split in SPLITS},
            "bytes_per_token": validation["bytes"] / validation["tokens"] if validation.get("tokens") else None,
            "tokenizer": said.get("tokenizer", "not stated"),
            "tokenizer_sha256": said.get("tokenizer_sha256"),
            "sha256": said.get("sha256"),
            "sha256_of_samples": self._fingerprint(),
        }

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for path in self._shards:
            size = path.stat().st_size
            digest.update(f"{path.name} {size}".encode())
            with open(path, "rb") as file:
                digest.update(file.read(SAMPLED))
                file.seek(max(size - SAMPLED, 0))
                digest.update(file.read(SAMPLED))
        return digest.hexdigest()


def _split_named(stem: str) -> str:
    words = re.split(r"[^a-z]+", stem.lower())
    return next((split for word in words for split, known in NAMED.items() if word in known), "train")


def _cut(texts: list[Array], share: float) -> tuple[list[Array], list[Array]]:
    """The first share of every text, and the rest."""
    places = [int(len(text) * share) for text in texts]
    return (
        [text[:place] for text, place in zip(texts, places, strict=True)],
        [text[place:] for text, place in zip(texts, places, strict=True)],
    )


class Shards(Template):
    """Shards by their folder."""

    name = "shards"
    usage = "shards:FOLDER[|vocab=50304][|dtype=uint16]"
    options: ClassVar[Options] = {
        "vocab": whole,
        "dtype": lambda text: {"uint16": "uint16", "uint32": "uint32"}[text],
    }

    def make(self, name: str, place: str, **options: Any) -> ShardCorpus:
        """The shards; nothing is opened yet."""
        if not place:
            raise UsageError(f"The corpus shards needs a folder: {self.usage}; found {name!r}.")
        return ShardCorpus(name, place, **options)


KIND = Shards()
