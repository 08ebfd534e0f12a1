"""A run that is killed at any moment goes on, loses at most one interval, and ends with the bits of one left alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
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


@pytest.mark.parametrize(("obstacle", "reason"), [("full_disk", "File too large"), ("read_only", "Permission denied")])
def test_a_save_that_fails_leaves_the_checkpoints_before(obstacle: str, reason: str) -> None:
    """The run stops with a message, without a record; once it can be written again it goes on and ends the same."""
    program = "import sys, pathlib; from tests.runners.crash import trials; "
    program += f"trials.{obstacle}(pathlib.Path(sys.argv[1]))"
    with tempfile.TemporaryDirectory() as folder:  # pytest's own can only be entered by its owner
        done = subprocess.run([sys.executable, "-c", program, folder], cwd=ROOT, capture_output=True, text=True)
    trial = json.loads(done.stdout)
    assert trial == {"code": 1, "left": ["step-000000000005", "step-000000000010"], "done": False, "identical": True}
    assert f"step-000000000015: the checkpoint could not be written ({reason})" in done.stderr
    assert "earlier ones are whole" in done.stderr
