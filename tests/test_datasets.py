"""Data sets by name: what is used has the registry's checksum, and whoever lacks a file is told how to supply it."""

from __future__ import annotations

import functools
import gc
import hashlib
import http.server
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scalelaw import datasets as module
from scalelaw.datasets import DataFile, Dataset, datasets, fetch, fill, find, get_dataset
from scalelaw.errors import DataError, MissingExtraError, UsageError
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.data_sets import KIND as READER
from scalelaw.readers.mapping import CONVENTION_COLUMNS, QUANTITY_COLUMNS, ColumnMap

# Pooch leaves the connection of a refused answer to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TABLE = b"size,steps seen,final loss\n1e6,2e7,3.5\n2e6,4e7,3.1\n4e6,8e7,2.9\n"
PUBLISHED = [item for item in datasets().values() if item.shipped is None]
SHIPPED = [item for item in datasets().values() if item.shipped is not None]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, empty, and nothing else to look in."""
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SCALELAW_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def shared() -> Path:
    """The published tables beside this checkout."""
    if not SHARED.is_dir():
        pytest.skip("published run tables are not beside this checkout (../shared/data)")
    return SHARED


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server on this machine that has `TABLE`."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "table.csv").write_bytes(TABLE)

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            """Nothing."""

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{served.server_address[1]}"
    served.shutdown()
    thread.join()
    served.server_close()
    gc.collect()


def small(url: str = "", digest: str = hashlib.sha256(TABLE).hexdigest(), made: str = "") -> Dataset:
    """A data set of one table, at this address."""
    columns = {"n_params": "size", "n_tokens": "steps seen", "loss": "final loss"}
    file = DataFile("folder/table.csv", len(TABLE), digest, url)
    return Dataset("small", "three runs", "CC0", "nobody", (file,), made=made, columns=columns)


@pytest.mark.parametrize("item", PUBLISHED, ids=lambda item: item.name)
def test_a_published_data_set_says_whose_it_is_and_what_it_hashes_to(item: Dataset) -> None:
    assert item.title
    assert item.licence
    assert item.citation
    for file in item.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 0
        pinned = f"https://raw.githubusercontent.com/{item.repository}/{item.commit}/"
        assert file.url.startswith(pinned) if not item.made else file.url == ""
    assert item.made or re.fullmatch("[0-9a-f]{40}", item.commit)
    assert set(item.stated) <= set(CONVENTION_COLUMNS)
    known = {*ColumnMap.__dataclass_fields__, "unique_tokens", "learning_rate"}
    assert set(item.columns) <= known
    assert not item.columns or "loss" in item.columns
    measured = {column for name, column in item.columns.items() if name in QUANTITY_COLUMNS}
    assert measured <= set(item.units)


@pytest.mark.parametrize("item", PUBLISHED, ids=lambda item: item.name)
def test_the_registry_knows_the_published_files(item: Dataset, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_DATA", str(shared))
    files = find(item)
    assert files is not None
    assert [path.stat().st_size for path in files] == [file.size for file in item.files]


@pytest.mark.parametrize(
    "item",
    [item for item in PUBLISHED if item.reads_as_runs and item.size < 100_000],
    ids=lambda item: item.name,
)
def test_a_published_table_reads_as_runs(item: Dataset, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_DATA", str(shared))
    table = read_runs(f"data:{item.name}")
    assert len(table) >= 7
    assert np.isfinite(table.n_params).all()
    assert ((table.loss > 0.5) & (table.loss < 12)).all()
    assert table.conventions.params == item.stated.get("params_convention", "all")
    counted = int(next(iter(re.findall(r"^([\d,]+) ", item.title)), "0").replace(",", ""))
    assert counted in (0, len(table)) or item.name == "isoflop-llama-3"


def test_epochs_table_by_name_is_the_file_with_its_columns_named(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_DATA", str(shared))
    file = shared / "epoch-chinchilla" / "svg_extracted_data.csv"
    by_hand = read_runs(file, n_params="Model Size", flops="Training FLOP", loss="loss")
    assert read_runs("data:epoch-chinchilla").fingerprint == by_hand.fingerprint


@pytest.mark.parametrize("item", SHIPPED, ids=lambda item: item.name)
def test_what_ships_is_read_by_name_as_by_path(item: Dataset) -> None:
    assert item.shipped is not None
    assert read_runs(f"data:{item.name}").fingerprint == read_runs(item.shipped).fingerprint
    assert fetch(item) == (item.shipped,)


def test_a_file_is_fetched_once_and_then_lies_in_the_cache(server: str, cache: Path) -> None:
    item = small(f"{server}/table.csv")
    assert find(item) is None
    (path,) = fetch(item)
    assert path == cache / "data" / "small" / "table.csv"
    assert path.read_bytes() == TABLE
    assert fetch(small("http://127.0.0.1:9/nowhere")) == (path,)  # nothing is asked for again


def test_a_file_with_another_checksum_is_refused_and_not_kept(server: str, cache: Path) -> None:
    with pytest.raises(DataError, match="was not kept") as caught:
        fetch(small(f"{server}/table.csv", digest="0" * 64))
    assert caught.value.code == "E_CHECKSUM"
    assert [path for path in cache.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("place", ["/absent.csv", ""], ids=["not there", "no server"])
def test_without_an_answer_it_says_what_is_missing_and_how_to_supply_it(server: str, place: str) -> None:
    url = f"{server}{place}" if place else "http://127.0.0.1:9/table.csv"
    with pytest.raises(DataError, match="--from FILE_OR_FOLDER") as caught:
        fetch(small(url))
    assert caught.value.code == "E_NETWORK"
    for part in (url, "table.csv", hashlib.sha256(TABLE).hexdigest(), "SCALELAW_DATA"):
        assert part in str(caught.value)


def test_without_pooch_it_says_what_to_install_and_how_else_to_supply_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"--from FILE_OR_FOLDER.*pip install 'scalelaw\[data\]'"):
        fetch(small("http://127.0.0.1:9/table.csv"))


def test_what_lies_nowhere_in_its_form_is_not_asked_for() -> None:
    with pytest.raises(DataError, match="typed in by hand") as caught:
        fetch(small(made="typed in by hand"))
    assert caught.value.code == "E_NO_ADDRESS"


def test_the_cache_is_filled_from_a_copy_whatever_its_name(tmp_path: Path, cache: Path) -> None:
    copy = tmp_path / "deep" / "down" / "renamed"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(TABLE)
    (copy.parent / "decoy.csv").write_bytes(TABLE[::-1])  # of the same size
    for source in (copy, tmp_path / "deep"):
        (place,) = fill(small(), source)
        assert place.read_bytes() == TABLE
        assert find(small()) == (place,)
        place.unlink()


def test_another_file_does_not_fill_the_cache(tmp_path: Path, cache: Path) -> None:
    wrong = tmp_path / "table.csv"
    wrong.write_bytes(TABLE[::-1])
    for source, code in ((wrong, "E_CHECKSUM"), (tmp_path, "E_NOT_FOUND")):
        with pytest.raises(DataError) as caught:
            fill(small(), source)
        assert caught.value.code == code
    with pytest.raises(UsageError, match="No such file or folder"):
        fill(small(), tmp_path / "absent")
    assert not cache.exists()


def test_a_folder_that_lacks_one_of_several_files_fills_nothing(tmp_path: Path, cache: Path) -> None:
    first = small().files[0]
    both = Dataset("two", "two files", "CC0", "nobody", (first, DataFile("other/b.csv", 3, "0" * 64)))
    (tmp_path / "a.csv").write_bytes(TABLE)
    with pytest.raises(DataError, match=r"b\.csv"):
        fill(both, tmp_path)
    assert not cache.exists()
    with pytest.raises(UsageError, match="2 files"):
        fill(both, tmp_path / "a.csv")


def test_a_damaged_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "copy.csv").write_bytes(TABLE)
    (place,) = fill(small(), tmp_path / "copy.csv")
    place.write_bytes(TABLE + b"8e6,16e7,2.8\n")
    with pytest.raises(DataError, match="delete it") as caught:
        fetch(small())
    assert caught.value.code == "E_CHECKSUM"


def test_the_users_own_folders_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "any.csv").write_bytes(TABLE)
    monkeypatch.setenv("SCALELAW_DATA", str(tmp_path / "mine"))
    assert fetch(small()) == (tmp_path / "mine" / "any.csv",)
    monkeypatch.setenv("SCALELAW_DATA", str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="no folder"):
        fetch(small())


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'epoch-chinchilla'"):
        get_dataset("epoch-chinchila")


def test_a_reader_gives_columns_the_names_of_quantities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "copy.csv").write_bytes(TABLE)
    fill(small(), tmp_path / "copy.csv")
    monkeypatch.setattr(module, "_published", lambda: {"small": small()})
    cells = READER.read(Path("data:small"), Manner())
    assert list(cells.columns) == ["n_params", "n_tokens", "loss", *CONVENTION_COLUMNS]
    assert any("n_params is 'size'" in note.message for note in cells.notes)
    assert read_runs("data:small").n_params.tolist() == [1e6, 2e6, 4e6]


def test_what_is_no_table_of_runs_is_refused(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_DATA", str(shared))
    with pytest.raises(DataError, match="no table of runs") as caught:
        read_runs("data:revisiting-lang")
    assert caught.value.code == "E_NOT_RUNS"
