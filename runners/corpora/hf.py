"""Datasets of the Hugging Face hub, or saved by its package `datasets` (extra `hf`), packed into shards once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from runners.corpora._packing import Documents, pack, packed_once
from runners.corpora._templates import Options, Template, whole
from runners.corpora.shards import ShardCorpus
from scalelaw import caching
from scalelaw.errors import DataError, MissingExtraError, UsageError

BYTES = 256


class HubCorpus(ShardCorpus):
    """One split of a dataset, read as a stream and packed in the cache; training then needs neither net nor package.

    Its own splits are not used: a document's content says where it belongs, as in every corpus of text.
    """

    def __init__(
        self,
        name: str,
        dataset: str,
        *,
        config: str | None = None,
        split: str = "train",
        column: str = "text",
        files: str | None = None,
        revision: str | None = None,
        documents: int | None = None,
        bpe: int | None = None,
    ) -> None:
        key = hashlib.sha256(repr((dataset, config, split, column, files, revision, documents, bpe)).encode())
        super().__init__(name, caching.folder() / "hf" / key.hexdigest()[:20], vocab=bpe or BYTES)
        self.dataset, self.config, self.split, self.column = dataset, config, split, column
        self.files, self.revision, self.documents, self.bpe = files, revision, documents, bpe

    @cached_property
    def _description(self) -> Any:
        """That of the packed shards, which are made here where they are not there yet."""
        packed_once(self.folder, self._pack)
        return super()._description

    def _pack(self, folder: Path) -> None:
        rows = self._rows()
        pack(
            self._texts(rows),
            folder,
            source=f"Hugging Face dataset {self.dataset}, config {self.config or 'default'}, split {self.split}",
            licence=rows.info.license or "not stated: see the dataset's card",
            version=f"revision {self.revision or 'newest when packed'}, version {rows.info.version}",
            bpe=self.bpe,
        )

    def _rows(self) -> Any:
        try:
            import datasets  # type: ignore[import-untyped]
        except ImportError:
            raise MissingExtraError(f"The corpus {self.name}", "hf") from None
        try:
            if any(Path(self.dataset).glob("dataset_*.json")):
                saved = datasets.load_from_disk(self.dataset)
                rows = saved[self.split] if isinstance(saved, datasets.DatasetDict) else saved
            else:
                given = {"data_files": self.files} if self.files else {}
                rows = datasets.load_dataset(
                    self.dataset, self.config, split=self.split, revision=self.revision, streaming=True, **given
                )
        except Exception as error:  # the package raises what its many backends do
            raise DataError(
                "E_NO_CORPUS",
                f"the dataset cannot be loaded ({type(error).__name__}: {error})",
                value=self.dataset,
                remedy=f"check its name, config, split and your connection; names are written {Hub.usage}",
            ) from None
        return rows

    def _texts(self, rows: Any) -> Documents:
        def documents() -> Iterator[bytes]:
            for number, row in enumerate(rows):
                if number == self.documents:
                    return
                if not isinstance(row.get(self.column), str):
                    raise DataError(
                        "E_MISSING_COLUMN",
                        "the column holds no text",
                        line=number + 1,
                        column=self.column,
                        value=", ".join(row),
                        remedy="name the column: |column=content",
                    )
                yield row[self.column].encode("utf-8", errors="replace")

        return documents


class Hub(Template):
    """Datasets by their name on the hub, or the folder of one that was saved."""

    name = "hf"
    usage = (
        "hf:DATASET[|config=en][|split=train][|column=text][|files=GLOB][|revision=COMMIT][|documents=1M][|bpe=4096]"
    )
    options: ClassVar[Options] = {
        "config": str, "split": str, "column": str, "files": str, "revision": str, "documents": whole, "bpe": whole,
    }  # fmt: skip

    def make(self, name: str, place: str, **options: Any) -> HubCorpus:
        """The dataset; nothing is loaded yet."""
        if not place:
            raise UsageError(f"The corpus hf needs a dataset: {self.usage}; found {name!r}.")
        return HubCorpus(name, place, **options)


KIND = Hub()
