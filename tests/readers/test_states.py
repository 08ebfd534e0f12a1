"""Runs that did not finish are left out with their state as reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs


def table(folder: Path, *states: str) -> Path:
    """A row a state."""
    path = folder / "runs.csv"
    rows = "".join(f"r{i},1e6,{i + 1}e9,3.{i},{state}\n" for i, state in enumerate(states))
    path.write_text("Name,N,D,loss,State\n" + rows)
    return path


def test_failed_and_running_runs_are_left_out_with_their_state(tmp_path: Path) -> None:
    runs = read_runs(table(tmp_path, "finished", "Failed", "running", "done"))
    assert runs.run_id == ("r0", "r3")
    assert [(x.run_id, x.reason, x.line) for x in runs.excluded] == [
        ("r1", "not finished: failed", 3),
        ("r2", "not finished: running", 4),
    ]


def test_they_are_read_when_asked_for(tmp_path: Path) -> None:
    assert len(read_runs(table(tmp_path, "finished", "crashed"), keep_unfinished=True)) == 2


def test_a_column_of_states_of_another_kind_leaves_nothing_out(tmp_path: Path) -> None:
    assert len(read_runs(table(tmp_path, "Ohio", "Utah"))) == 2


def test_where_no_run_finished_the_states_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of 2 runs finished; their states: crashed, failed.*--keep-unfinished"):
        read_runs(table(tmp_path, "crashed", "failed"))
