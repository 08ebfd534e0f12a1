"""A large store is read through an index that is never staler than the folders it remembers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs, store_index
from scalelaw.readers.store_index import StoreIndex


def _finish(store: Path, name: str, **changes: object) -> None:
    folder = store / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text("{}")
    record = {"run_id": name, "status": "finished", "n_params": 1e6, "n_tokens": 2e7, "loss": 3.0, "width": 64}
    (folder / "done.json").write_text(json.dumps(record | changes))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own, and stores that count as large from the first run."""
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store_index, "FEW", 0)
    return tmp_path / "cache"


def _names(store: Path) -> list[str]:
    with StoreIndex(store) as index:
        return [record.folder for record in index.records()]


def test_a_table_read_through_the_index_is_the_one_read_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for i in range(5):
        _finish(tmp_path / "runs", f"r{i}", loss=3.0 - 0.1 * i, status="diverged" if i == 3 else "finished")
    indexed = read_runs(tmp_path / "runs")
    monkeypatch.setattr(store_index, "FEW", 1000)
    plain = read_runs(tmp_path / "runs")
    assert indexed.fingerprint == plain.fingerprint
    assert indexed.sources == plain.sources
    assert indexed.excluded == plain.excluded


def test_runs_that_come_change_and_go_are_seen(tmp_path: Path):
    store = tmp_path / "runs"
    _finish(store, "a")
    _finish(store, "b", width=128)
    assert _names(store) == ["a", "b"]
    _finish(store, "c")
    _finish(store, "a", width=256)
    os.utime(store / "a" / "done.json", ns=(1, 1))
    (store / "b" / "done.json").unlink()
    (store / "b" / "spec.json").unlink()
    with StoreIndex(store) as index:
        assert [record.folder for record in index.records()] == ["a", "c"]
        assert index.matching("width", ">=", 256) == ["a"]


def test_an_unfinished_run_has_no_record(tmp_path: Path):
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "spec.json").write_text("{}")
    with StoreIndex(tmp_path / "runs") as index:
        assert [record.content for record in index.records()] == [b""]
        assert index.matching("width", ">", 0) == []


def test_a_damaged_index_is_made_again(tmp_path: Path, cache: Path):
    _finish(tmp_path / "runs", "a")
    assert _names(tmp_path / "runs") == ["a"]
    (file,) = (cache / "stores").iterdir()
    file.write_bytes(b"no database" * 500)
    assert _names(tmp_path / "runs") == ["a"]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path / "file"))
    _finish(tmp_path / "runs", "a")
    assert _names(tmp_path / "runs") == ["a"]


def test_a_record_that_is_no_object_is_refused_by_its_file(tmp_path: Path):
    _finish(tmp_path / "runs", "a")
    (tmp_path / "runs" / "a" / "done.json").write_text("[1]")
    with pytest.raises(DataError, match=r"done\.json"):
        _names(tmp_path / "runs")
