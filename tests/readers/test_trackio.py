"""Trackio's database: metrics are JSON texts, steps may come in pieces."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.trackio import KIND

ROWS = [
    ("a", "first", 1, {"eval/loss": 3.5}),
    ("a", "first", 1, {"tokens": 1000, "nested": {"x": 1}}),
    ("b", "second", 1, {"eval/loss": "NaN", "tokens": 1000}),
    ("b", "second", 2, {"eval/loss": 3.0, "tokens": 2000}),
]


def database(folder: Path, rows: list[tuple[str, str, int, object]] = ROWS) -> Path:
    """A project."""
    path = folder / "project.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, step INTEGER, metrics TEXT)"
        )
        made.execute("CREATE TABLE configs (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, config TEXT)")
        for run, name, step, values in rows:
            text = values if isinstance(values, str) else json.dumps(values)
            made.execute(
                "INSERT INTO metrics (run_id, run_name, step, metrics) VALUES (?, ?, ?, ?)", (run, name, step, text)
            )
        config = json.dumps({"n_params": 1_000_000, "_Created": "today"})
        made.execute("INSERT INTO configs (run_id, run_name, config) VALUES ('a', 'first', ?)", (config,))
    return path


def test_points_of_a_step_are_joined_and_numbers_json_lacks_are_read(tmp_path: Path) -> None:
    first, second = KIND.logs(database(tmp_path), Manner()).runs
    assert (first.name, first.config) == ("first", {"n_params": 1_000_000})
    assert list(first.points) == [{"step": 1, "eval/loss": 3.5, "tokens": 1000, "nested/x": 1}]
    assert (second.name, second.config) == ("second", {})
    assert math.isnan(second.points[0]["eval/loss"])


def test_a_project_is_read_as_runs(tmp_path: Path) -> None:
    table = read_runs(database(tmp_path), given={"n_params": "1M"})
    assert table.run_id == ("first", "second")
    assert table.loss.tolist() == [3.5, 3.0]
    assert [path.name for path in tmp_path.iterdir()] == ["project.db"]


@pytest.mark.parametrize("text", ["{", "[1]", "7"])
def test_a_row_that_is_no_object_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="row 1 of table metrics") as caught:
        read_runs(database(tmp_path, [("a", "first", 1, text)]))
    assert caught.value.code == "E_JSON"
