"""One process at a time trains a run, and a dead one does not keep it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runners import leases
from runners.leases import STALE_S, Lease, LeaseTakenError, is_held
from scalelaw.errors import DataError

HOLD = """
import sys, time
from pathlib import Path
from runners.leases import Lease
with Lease(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
ELSEWHERE = json.dumps({"machine": "another host", "pid": 7, "since": 0.0})


def test_a_second_launcher_is_told_who_trains(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lease"
    with Lease(path):
        assert is_held(path)
        with pytest.raises(LeaseTakenError, match=f"process {os.getpid()} on "), Lease(path):
            pass
    assert not is_held(path)
    with Lease(path):
        pass


def test_a_lease_leaves_no_empty_folder(tmp_path: Path) -> None:
    with Lease(tmp_path / "store" / "run" / "lease"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_that_holds_something_stays(tmp_path: Path) -> None:
    with Lease(tmp_path / "store" / "run" / "lease"):
        (tmp_path / "store" / "run" / "spec.json").write_text("{}")
    assert os.listdir(tmp_path / "store" / "run") == ["spec.json"]


def test_the_lease_of_a_dead_process_is_taken_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LeaseTakenError, match=f"process {holder.pid}"), Lease(path):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert path.exists()
    assert not is_held(path)
    with Lease(path):
        assert json.loads(path.read_bytes())["pid"] == os.getpid()


def test_another_machine_holds_it_while_its_heart_beats(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    path.write_text(ELSEWHERE)
    assert is_held(path)
    with pytest.raises(LeaseTakenError, match="process 7 on another"), Lease(path):
        pass
    assert path.read_text() == ELSEWHERE
    silent = time.time() - STALE_S - 1
    os.utime(path, (silent, silent))
    assert not is_held(path)
    with Lease(path):
        pass


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.02)
    path = tmp_path / "lease"
    with Lease(path) as lease:
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert time.time() - path.stat().st_mtime < STALE_S
        lease.check()


def test_an_owner_that_was_taken_for_dead_learns_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves the new owner's lease alone."""
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.02)
    path = tmp_path / "lease"
    with Lease(path) as lease:
        path.write_text(ELSEWHERE)
        lease._beating.join(5)
        with pytest.raises(LeaseTakenError, match="taken over"):
            lease.check()
    assert path.read_text() == ELSEWHERE


def test_what_is_no_lease_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    path.write_text("[1]")
    os.utime(path, (0, 0))
    with Lease(path):
        pass


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("notes")
    with (
        pytest.raises(DataError, match=r"/run: the run's folder cannot be written \(File exists\)"),
        Lease(tmp_path / "run" / "lease"),
    ):
        pass
