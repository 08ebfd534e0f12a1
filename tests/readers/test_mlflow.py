"""MLflow's two stores hold the same runs, and neither is touched by being read."""

from __future__ import annotations

import math
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.mlflow import KIND

TABLES = """
CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, lifecycle_stage TEXT, start_time BIGINT);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
"""
"""The columns that are read of MLflow's own tables (its version 3.17)."""
RUNS = [
    ("aa", "first", "FINISHED", "active"),
    ("bb", "second", "FAILED", "active"),
    ("cc", "third", "FINISHED", "deleted"),
]
STATUS = {"FINISHED": 3, "FAILED": 4}
METRICS = [("eval/loss", 3.5, 10), ("tokens", 1e6, 10), ("eval/loss", 3.25, 20), ("tokens", 2e6, 20)]


def database(folder: Path) -> Path:
    """A store as SQLite."""
    path = folder / "mlflow.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.executescript(TABLES)
        for start, (run, name, status, stage) in enumerate(RUNS):
            made.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", (run, name, status, stage, start))
            made.execute("INSERT INTO params VALUES ('n_params', '1000000', ?)", (run,))
            made.executemany("INSERT INTO tags VALUES (?, ?, ?)", [("mlflow.runName", name, run), ("team", "b", run)])
            rows = [(key, value, time, run, step, False) for time, (key, value, step) in enumerate(METRICS)]
            made.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    return path


def files(folder: Path) -> Path:
    """The same store as files."""
    store = folder / "mlruns"
    for start, (run, name, status, stage) in enumerate(RUNS):
        place = store / "1" / run
        for part in ("metrics/eval", "params", "tags"):
            (place / part).mkdir(parents=True)
        meta = {
            "lifecycle_stage": stage,
            "run_id": run,
            "run_name": name,
            "start_time": start,
            "status": STATUS[status],
        }
        (place / "meta.yaml").write_text("".join(f"{key}: {value}\n" for key, value in meta.items()))
        (place / "params" / "n_params").write_text("1000000")
        (place / "tags" / "mlflow.runName").write_text(name)
        (place / "tags" / "team").write_text("b")
        for time, (key, value, step) in enumerate(METRICS):
            with (place / "metrics" / key).open("a") as stream:
                stream.write(f"{time} {value} {step}\n")
    (store / "1" / "meta.yaml").write_text("experiment_id: '1'\nname: sweep\n")
    return store


@pytest.mark.parametrize("make", [database, files])
def test_both_stores_give_the_same_runs(make, tmp_path: Path) -> None:
    runs = KIND.logs(make(tmp_path), Manner()).runs
    assert [(log.name, log.id, log.state) for log in runs] == [
        ("first", "aa", "finished"), ("second", "bb", "failed"), ("third", "cc", "deleted"),
    ]  # fmt: skip
    for log in runs:
        assert log.config == {"n_params": "1000000", "team": "b"}
        assert list(log.points) == [
            {"step": 10, "eval/loss": 3.5, "tokens": 1e6}, {"step": 20, "eval/loss": 3.25, "tokens": 2e6}
        ]  # fmt: skip


@pytest.mark.parametrize("make", [database, files])
def test_failed_and_deleted_runs_are_left_out_and_the_reason_is_kept(make, tmp_path: Path) -> None:
    table = read_runs(make(tmp_path))
    assert table.run_id == ("first",)
    assert table.loss.tolist() == [3.25]
    assert {item.run_id: item.reason for item in table.excluded}.keys() == {"second", "third"}
    assert "deleted" in next(item.reason for item in table.excluded if item.run_id == "third")


@pytest.mark.parametrize("make", [database, files])
def test_a_run_that_logged_no_steps_is_left_out_and_told_how_to_log_them(make, tmp_path: Path, monkeypatch) -> None:
    """MLflow writes 0 where a metric was logged without its step; a single value of each needs none."""
    monkeypatch.setattr(sys.modules[__name__], "METRICS", [(name, value, 0) for name, value, _ in METRICS])
    with pytest.raises(DataError, match=r"first: 2 points, all at step 0: .*without step=") as caught:
        read_runs(make(tmp_path))
    assert caught.value.code == "E_NO_ROWS"
    monkeypatch.setattr(sys.modules[__name__], "METRICS", METRICS[:2])
    (again := tmp_path / "again").mkdir()
    assert read_runs(make(again)).loss.tolist() == [3.5]


def test_a_store_of_files_is_known_from_its_folder_its_experiment_and_its_run(tmp_path: Path) -> None:
    store = files(tmp_path)
    assert [len(KIND.logs(place, Manner()).runs) for place in (store, store / "1", store / "1" / "aa")] == [3, 3, 1]
    assert KIND.holds(store)
    assert not KIND.holds(tmp_path / "elsewhere")


def test_what_is_not_a_number_stays_so(tmp_path: Path) -> None:
    """The database writes 0 and a mark for NaN, and the largest float for infinity."""
    path = database(tmp_path)
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("INSERT INTO metrics VALUES ('x', 0, 9, 'aa', 30, 1)")
        made.execute("INSERT INTO metrics VALUES ('y', 1.7976931348623157e308, 9, 'aa', 30, 0)")
    last = KIND.logs(path, Manner()).runs[0].points[-1]
    assert math.isnan(last["x"])
    assert last["y"] == math.inf


def test_reading_a_database_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = database(tmp_path)
    before = path.read_bytes()
    read_runs(path)
    assert [item.name for item in tmp_path.iterdir()] == ["mlflow.db"]
    assert path.read_bytes() == before


def test_rows_that_wait_in_a_write_ahead_log_are_read_too(tmp_path: Path) -> None:
    path = database(tmp_path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            writer.execute("INSERT INTO metrics VALUES ('eval/loss', 3.0, 9, 'aa', 30, 0)")
        assert (tmp_path / "mlflow.db-wal").stat().st_size > 0
        assert KIND.logs(path, Manner()).runs[0].points[-1] == {"step": 30, "eval/loss": 3.0}


def test_a_broken_line_of_a_metric_is_named(tmp_path: Path) -> None:
    store = files(tmp_path)
    with (store / "1" / "aa" / "metrics" / "tokens").open("a") as stream:
        stream.write("5 oops 30\n")
    with pytest.raises(DataError, match="line 3") as caught:
        read_runs(store)
    assert caught.value.code == "E_MALFORMED"


def test_a_database_cut_short_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path)
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code in ("E_SQLITE", "E_FORMAT")


def test_a_database_of_no_tracker_is_refused_and_its_tables_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE mine (loss REAL)")
    with pytest.raises(DataError, match="its tables: mine") as caught:
        read_runs(path)
    assert caught.value.code == "E_FORMAT"
