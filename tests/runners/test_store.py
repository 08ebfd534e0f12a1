"""A run is finished exactly when its `done.json` is there, and that file is whole or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runners.store import RunStore, write_atomically
from scalelaw.errors import DataError


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


def test_beginning_again_leaves_the_lease(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {})
    store.lease("run").write_text("held")
    (store.folder("run") / "checkpoints").mkdir()
    store.begin("run", {})
    assert sorted(os.listdir(store.folder("run"))) == ["lease", "spec.json"]


def test_resuming_cuts_the_log_and_lists_the_attempt(tmp_path: Path) -> None:
    """A record of an attempt that ran out of memory is no longer true then."""
    store = RunStore(tmp_path)
    store.begin("run", {"commit": "a"}).write_text('{"step": 1}\n{"step": 2}\n')
    store.finish("run", {"status": "out_of_memory"})
    for step in (1, 1):
        metrics = store.resume("run", {"step": step}, log_bytes=12)
    assert metrics.read_text() == '{"step": 1}\n'
    assert store.done("run") is None
    record = json.loads((store.folder("run") / "spec.json").read_text())
    assert record == {"commit": "a", "resumed": [{"step": 1}, {"step": 1}]}


@pytest.mark.parametrize("status", ["finished", "diverged", "out_of_memory"])
def test_a_run_is_settled_unless_it_may_be_tried_again(tmp_path: Path, status: str) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {})
    store.finish("run", {"status": status})
    assert (store.settled("run") is None) == (status == "out_of_memory")


def test_a_description_is_written_once(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert not store.begun("run")
    store.begin("run", {"commit": "a"})
    store.describe("run", {"commit": "b"})
    assert json.loads((store.folder("run") / "spec.json").read_text()) == {"commit": "a"}


def test_a_record_that_is_not_json_is_named(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {})
    (store.folder("run") / "done.json").write_text('{"loss": 1')
    with pytest.raises(DataError, match=r"run/done\.json: not JSON") as caught:
        store.done("run")
    assert caught.value.code == "E_JSON"


def test_a_log_cut_at_any_byte_keeps_the_lines_before(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    metrics = store.begin("run", {})
    lines = [b'{"step": 1}\n', b'{"step": 2}\n', '{"step": 3, "note": "\u00fc"}\n'.encode()]
    whole = b"".join(lines)
    for length in range(len(lines[0]), len(whole) + 1):
        metrics.write_bytes(whole[:length])
        ends = [len(b"".join(lines[: n + 1])) - 1 for n in range(3)]  # a line is whole without its newline
        last = store.last_metrics("run")
        assert last is not None
        assert last["step"] == sum(length >= end for end in ends)
        assert store.log_bytes("run") == length


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
    assert os.listdir(tmp_path) == ["done.json"]


def test_a_store_is_a_folder_or_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("notes")
    for place in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(DataError, match=r"/file: runs are stored in a folder. Next: name another"):
            RunStore(place)
    assert not RunStore(tmp_path / "not" / "there" / "yet").begun("run")


def test_what_stands_in_the_place_of_a_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("notes")
    with pytest.raises(DataError, match=r"run/done\.json: it cannot be read \(Not a directory\)"):
        RunStore(tmp_path).settled("run")


def test_a_record_that_is_no_object_is_named(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin("run", {})
    (store.folder("run") / "done.json").write_text("[]")
    with pytest.raises(DataError, match="an object was expected"):
        store.settled("run")
