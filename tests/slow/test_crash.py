"""The committed table of kills belongs to this code: every run went on, lost at most an interval and ended the same."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runners.store import RunStore
from tests.runners.crash.trials import INTERVAL, POINTS, at_random, expected
from tests.slow.crash_study import KILLS, TABLE, made_by

pytestmark = pytest.mark.slow

LAUNCHER = """
import json, sys
from runners.store import RunStore
from runners.sweeps import Sweep
from runners.workers import run_sweep

def tell(event):
    if event.kind != "tokens":
        print(json.dumps([event.kind, event.run_id]), flush=True)

run_sweep(Sweep.load(sys.argv[1]), RunStore(sys.argv[2]), device="cpu", on_event=tell)
"""
SWEEP = """
[grid]
corpus = "markov"
width = 16
depth = 1
context = 32
batch_size = 8
n_tokens = "30k"
val_tokens = 2048
evals = 2
seed = [0, 1, 2, 3, 4, 5, 6, 7]
"""


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {made_by()}," in head, "stale; run python -m tests.slow.crash_study"


def test_every_point_and_enough_random_moments_are_there() -> None:
    assert [row["kill"] for row in rows() if row["kill"] != "random"] == list(POINTS)
    assert sum(int(row["killed"]) for row in rows() if row["kill"] == "random") >= KILLS


def test_every_run_went_on_lost_at_most_an_interval_and_ended_the_same() -> None:
    for row in rows():
        assert row["killed"] not in ("False", ""), row
        assert (row["resumed"], row["identical"]) == ("True", "True"), row
        assert int(row["steps_lost"]) <= INTERVAL, row


def test_other_moments_do_as_well(tmp_path: Path) -> None:
    """Fresh ones at every run of this test."""
    rng = np.random.default_rng()
    for trial in at_random(tmp_path, expected(tmp_path), 10, rng):
        assert trial["resumed"], trial
        assert trial["identical"], trial
        assert trial["steps_lost"] <= INTERVAL, trial


def test_two_launchers_share_a_store(tmp_path: Path) -> None:
    """Every run is trained once, by one of them; the other passes it over."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path / "sweep.toml"), str(tmp_path / "runs")]
    launchers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [launcher.communicate(timeout=300)[0] for launcher in launchers]
    events = [json.loads(line) for output in outputs for line in output.splitlines()]
    assert {kind for kind, _ in events} <= {"done", "elsewhere"}
    assert len({run_id for kind, run_id in events if kind == "done"}) == 8
    for folder in RunStore(tmp_path / "runs").path.iterdir():
        steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert steps == sorted(set(steps)), folder
        assert "resumed" not in json.loads((folder / "spec.json").read_text())
