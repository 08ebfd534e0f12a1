"""The shell completes commands, laws, objectives and interval methods."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scalelaw.cli import _completion as completion


def _completed(line: str) -> str:
    """What bash is offered for the word the line ends in."""
    words = line.split(" ")
    asked = {"_SCALELAW_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = "from scalelaw.cli.main import app; app(prog_name='scalelaw')"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("scalelaw bac", {"backtest"}),
        ("scalelaw fit runs.csv --law chin", {"chinchilla", "chinchilla_tied"}),
        ("scalelaw fit runs.csv --interval jack", {"jackknife"}),
    ],
)
def test_a_word_is_completed(line: str, offered: set[str]) -> None:
    assert set(_completed(line).split()) >= offered


def test_only_names_that_begin_so_are_offered() -> None:
    assert [name for name, _ in completion.objectives("log_")] == ["log_huber", "log_least_squares"]
    assert completion.laws("no such law") == []
    assert dict(completion.intervals("wald"))["wald"]
