"""A run that is killed at any moment goes on, loses at most one interval, and ends with the bits of one left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runners.crash.trials import INTERVAL, POINTS

KILLS = 3
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every named step of a save and a few random moments; `tests/slow` has two hundred."""
    command = [sys.executable, "-m", "tests.runners.crash.trials", str(tmp_path_factory.mktemp("crash")), str(KILLS)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def test_every_step_of_a_save_was_met(trials: list[dict[str, Any]]) -> None:
    assert [trial["kill"] for trial in trials[: len(POINTS)]] == list(POINTS)
    assert all(trial["killed"] for trial in trials[: len(POINTS)])
    assert sum(trial["killed"] for trial in trials[len(POINTS) :]) >= KILLS


def test_a_killed_run_goes_on_and_loses_at_most_an_interval(trials: list[dict[str, Any]]) -> None:
    for trial in trials:
        assert trial["resumed"], trial
        assert trial["steps_lost"] <= INTERVAL, trial


def test_a_killed_run_ends_as_if_nothing_had_happened(trials: list[dict[str, Any]]) -> None:
    """Parameters, optimizer state, random numbers, every logged loss and the record, with dropout and shuffling."""
    assert all(trial["identical"] for trial in trials), trials


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    """The run stops with a message, without a record; with room again it goes on and ends the same."""
    program = "import sys, pathlib; from tests.runners.crash import trials; trials.full_disk(pathlib.Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    trial = json.loads(done.stdout)
    assert trial == {"code": 1, "left": ["step-000000000005", "step-000000000010"], "done": False, "identical": True}
    assert "step-000000000015: the checkpoint could not be written (File too large)" in done.stderr
    assert "earlier ones are whole" in done.stderr
