"""Data sets by name: published run tables, fetched from where they lie and checked, and the project's own.

`data/datasets.toml` says of each what it holds, where it comes from and what its files hash to. A file is looked for in
the folders of `$SCALELAW_DATA`, then in the cache, `$SCALELAW_CACHE/data/NAME`; only then is it fetched, with pooch.
Whatever is found is used only if its sha256 is the registry's.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scalelaw.caching import folder as cache_folder
from scalelaw.catalogue import data_folder, shipped
from scalelaw.errors import DataError, MissingExtraError, UsageError

HOST = "https://raw.githubusercontent.com"
LICENCE = "Apache-2.0"
"""Of the tables that ship."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a data set: its path in the repository, its size in bytes, and the digest it must have.

    `url` is empty where it lies nowhere in this form.
    """

    path: str
    size: int
    sha256: str
    url: str = ""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return Path(self.path).name


@dataclass(frozen=True)
class Dataset:
    """A table of runs, or what else was published, with its source.

    Attributes:
        made: what was extracted, reduced or typed in; empty for files as they lie in the repository.
        columns: the column of each quantity, by the names `ColumnMap` gives them; empty where it is no table of runs.
        stated: conventions by the same names.
        units: of its columns.
        shipped: where the table lies, if it is the project's own.
    """

    name: str
    title: str
    licence: str
    citation: str
    files: tuple[DataFile, ...]
    repository: str = ""
    commit: str = ""
    made: str = ""
    note: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    shipped: Path | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> Path:
        """Its place in the cache."""
        return cache_folder() / "data" / self.name

    @property
    def reads_as_runs(self) -> bool:
        """Whether `data:NAME` is a table of runs."""
        return bool(self.columns) or self.shipped is not None

    def cached(self, file: DataFile) -> Path:
        """The place of one of its files in the cache; files of several folders keep these folders."""
        return self.folder / (file.path if len(self.files) > 1 else file.name)


def datasets() -> Mapping[str, Dataset]:
    """Every data set by name: the published ones, then the project's own.

    >>> datasets()["epoch-chinchilla"].columns["flops"]
    'Training FLOP'
    """
    return {**_published(), **_shipped()}


def get_dataset(name: str) -> Dataset:
    """The data set of that name; `UsageError` gives the nearest name and all there are."""
    known = datasets()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"Unknown data set {name!r}.{hint} Known: {', '.join(known)}.")


def find(dataset: Dataset) -> tuple[Path, ...] | None:
    """Its files where they already lie on this machine, or None where one is missing.

    Raises:
        DataError: E_CHECKSUM for a file of the cache that is not what it should be.
    """
    if dataset.shipped is not None:
        return (dataset.shipped,)
    found = [_found(dataset, file) for file in dataset.files]
    return tuple(path for path in found if path is not None) if all(found) else None


def fetch(dataset: Dataset) -> tuple[Path, ...]:
    """Its files, fetched into the cache where they are not on this machine yet.

    Raises:
        DataError: E_NETWORK where a file cannot be had, E_CHECKSUM where another came, which is not kept; E_NO_ADDRESS
            where it lies nowhere in this form. Each says how to supply it.
        MissingExtraError: where something is to be fetched and pooch is not installed.
    """
    here = find(dataset)
    return (
        here if here is not None else tuple(_found(dataset, file) or _fetched(dataset, file) for file in dataset.files)
    )


def fill(dataset: Dataset, source: Path) -> tuple[Path, ...]:
    """Its files, copied into the cache from a file or from anywhere below a folder, whatever their names there.

    Raises:
        UsageError: where there is no such source, or the data set ships.
        DataError: E_CHECKSUM for a file that is another; E_NOT_FOUND for a folder that lacks one.
    """
    if dataset.shipped is not None:
        raise UsageError(f"{dataset.name} ships with scalelaw: {dataset.shipped}. There is nothing to supply.")
    if not source.exists():
        raise UsageError(
            f"No such file or folder: {str(source)!r}. Next: --from a copy of {_wanted(dataset.files[0])}."
        )
    if source.is_file() and len(dataset.files) > 1:
        raise UsageError(f"{dataset.name} has {len(dataset.files)} files. Next: --from the folder that holds them.")
    copies = [(file, _chosen(file, source)) for file in dataset.files]  # all of them before any is copied
    for file, path in copies:
        place = dataset.cached(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f"{os.getpid()}-{place.name}")
        try:
            shutil.copyfile(path, partial)
            os.replace(partial, place)
        finally:
            partial.unlink(missing_ok=True)
    return tuple(dataset.cached(file) for file in dataset.files)


def _chosen(file: DataFile, source: Path) -> Path:
    if source.is_file():
        _require(source, file)
        return source
    same_size = (path for path in sorted(source.rglob("*")) if path.is_file() and path.stat().st_size == file.size)
    path = next((path for path in same_size if _digest(path) == file.sha256), None)
    if path is None:
        raise DataError(
            "E_NOT_FOUND", f"no file below it is {_wanted(file)}", file=source, remedy="name another folder"
        )
    return path


def _found(dataset: Dataset, file: DataFile) -> Path | None:
    supplied = next((path for path in _same_size(file) if _digest(path) == file.sha256), None)
    place = dataset.cached(file)
    if supplied is not None or not place.is_file():
        return supplied
    _require(place, file, f"delete it, then: scalelaw data get {dataset.name}")
    return place


def _same_size(file: DataFile) -> Iterator[Path]:
    """Files of its size and ending below the folders of `$SCALELAW_DATA`."""
    for root in filter(None, os.environ.get("SCALELAW_DATA", "").split(os.pathsep)):
        if not Path(root).is_dir():
            raise UsageError(f"$SCALELAW_DATA names {root!r}, which is no folder.")
        for path in sorted(Path(root).rglob(f"*{Path(file.path).suffix}")):
            if path.is_file() and path.stat().st_size == file.size:
                yield path


def _fetched(dataset: Dataset, file: DataFile) -> Path:
    how = f"supply it: scalelaw data get {dataset.name} --from FILE_OR_FOLDER, or name its folder in $SCALELAW_DATA"
    if not file.url:
        problem = f"it lies nowhere in this form ({dataset.made}); wanted: {_wanted(file)}"
        raise DataError("E_NO_ADDRESS", problem, file=f"data:{dataset.name}", remedy=how)
    try:
        import pooch
    except ImportError:
        raise MissingExtraError(f"Fetching {file.url} ({_wanted(file)}; or {how})", "data") from None
    pooch.get_logger().setLevel("ERROR")
    place = dataset.cached(file)
    try:
        # Pooch writes beside the place and moves the file there only once its digest is right.
        pooch.retrieve(file.url, f"sha256:{file.sha256}", place.name, place.parent)
    except ValueError as error:
        problem = f"what came from {file.url} is another file and was not kept ({error})"
        raise DataError("E_CHECKSUM", problem, file=f"data:{dataset.name}", remedy=how) from None
    except OSError as error:  # those of requests, too
        others = f", and other files of its {len(dataset.files)}" if len(dataset.files) > 1 else ""
        problem = f"{file.url} cannot be had ({type(error).__name__}); wanted: {_wanted(file)}{others}"
        raise DataError("E_NETWORK", problem, file=f"data:{dataset.name}", remedy=how) from None
    return place


def _require(path: Path, file: DataFile, remedy: str = "name another file") -> None:
    digest = _digest(path)
    if digest != file.sha256:
        problem = f"this is not {_wanted(file)}"
        raise DataError("E_CHECKSUM", problem, file=path, value=f"sha256 {digest[:16]}...", remedy=remedy)


def _wanted(file: DataFile) -> str:
    return f"{file.name}, {file.size:,} bytes, sha256 {file.sha256}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _published() -> Mapping[str, Dataset]:
    content = tomllib.loads((data_folder() / "datasets.toml").read_text(encoding="utf-8"))
    return {name: _dataset(name, entry) for name, entry in content.items()}


def _dataset(name: str, entry: Mapping[str, Any]) -> Dataset:
    root = "" if "made" in entry else f"{HOST}/{entry['repository']}/{entry['commit']}/"
    files = tuple(DataFile(**file, url=root and root + quote(file["path"])) for file in entry["files"])
    return Dataset(name, **{**entry, "files": files})


def _shipped() -> Mapping[str, Dataset]:
    found = {}
    for table in sorted(data_folder().glob("*/runs.csv")):
        name = table.parent.name
        file = DataFile(f"data/{name}/runs.csv", table.stat().st_size, _digest(table))
        title = "runs trained with this project's own runners, from the sweep.toml beside them"
        found[name] = Dataset(name, title, LICENCE, "scalelaw, data/README.md", (file,), shipped=shipped(name))
    return found
