"""A run is finished exactly when its `done.json` is there, and that file is whole or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runners.store import RunStore, write_atomically


def test_a_run_is_finished_when_its_record_is_there(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {"run_id": "run"})
    assert store.done("run") is None
    store.finish("run", {"loss": 1.5})
    assert store.done("run") == {"loss": 1.5}


def test_beginning_again_removes_what_an_interrupted_attempt_left(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {}).write_text('{"step": 7}\n')
    metrics = store.begin("run", {})
    assert not metrics.exists()
    assert os.listdir(store.folder("run")) == ["spec.json"]


def test_the_torn_last_line_of_a_killed_run_is_passed_over(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {}).write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert store.last_metrics("run") == {"step": 2}


def test_a_run_that_has_logged_nothing_has_no_metrics(tmp_path: Path) -> None:
    assert RunStore(tmp_path).last_metrics("absent") is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "done.json"
    write_atomically(path, {"loss": 1.0})

    def fail(*args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, {"loss": 2.0})
    assert json.loads(path.read_text()) == {"loss": 1.0}
