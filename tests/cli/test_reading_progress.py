"""How far runs of a server have been read is told on stderr, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli import _output as output
from scalelaw.cli.main import app
from scalelaw.readers import wandb_api

RUNS = 25


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of runs, one point each."""

    def run(number: int) -> Any:
        point = {"_step": 1, "eval/loss": 3 + 1 / number, "tokens": 1e8 * number, "n_params": 1e6 * number}
        about = {"name": f"run[b]{number}", "state": "finished", "project": "ladder", "tags": []}
        return SimpleNamespace(id=f"id{number}", config={}, summary={}, scan_history=lambda page_size: [point], **about)

    fake = SimpleNamespace(runs=lambda *_, **__: [run(number) for number in range(1, RUNS + 1)])
    monkeypatch.setattr(wandb_api, "_api", lambda: fake)


def answer(*words: str) -> Result:
    return CliRunner().invoke(app, ["runs", "wandb:lab/ladder", "--format", "csv", *words])


def test_where_stderr_is_no_terminal_a_line_stands_for_ten_runs() -> None:
    result = answer()
    told = [line for line in result.stderr.splitlines() if "of 25 runs" in line]
    assert [line.split(": ")[1].split(",")[0] for line in told] == [f"{n} of 25 runs" for n in (10, 20, 25)]
    assert told[0] == "wandb:lab/ladder: 10 of 25 runs, run[b]10 with 1 points"
    assert "of 25 runs" not in result.stdout


def test_quiet_is_quiet() -> None:
    assert "of 25 runs" not in answer("--quiet").stderr


def test_a_terminal_has_a_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Markup in a run's name stays text."""
    monkeypatch.setattr(output, "interactive", lambda: True)
    result = answer()
    assert result.exit_code == 0, result.output
    assert "of 25 runs" not in result.stdout


def test_nothing_is_left_to_listen() -> None:
    before = wandb_api._log.level, list(wandb_api._log.handlers)
    answer()
    assert (wandb_api._log.level, wandb_api._log.handlers) == before
