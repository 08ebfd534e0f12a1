"""DVCLive keeps a file a metric; they are one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.dvclive import KIND


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with two metrics, of which one was logged more often, and parameters."""
    folder = tmp_path / "ladder-1" / "dvclive"
    (folder / "plots/metrics/eval").mkdir(parents=True)
    (folder / "plots/metrics/eval/loss.tsv").write_text("step\tloss\n20\t3.25\n40\t3.0\n")
    (folder / "plots/metrics/lr.tsv").write_text("timestamp\tstep\tlr\n1\t10\t0.1\n2\t20\t0.2\n3\t40\t0\n")
    (folder / "metrics.json").write_text('{"eval": {"loss": 3.0}, "params": 1000000, "step": 40}')
    (folder / "params.yaml").write_text("batch_tokens: 1000\nmodel: {n_layer: 2}\n")
    return folder


def test_metrics_are_put_together_by_step(folder: Path) -> None:
    (log,) = KIND.logs(folder, Manner()).runs
    assert log.name == "ladder-1"
    assert [(p["step"], p.get("eval/loss"), p["lr"]) for p in log.points] == [
        ("20", "3.25", "0.2"),
        ("40", "3.0", "0"),
        ("10", None, "0.1"),
    ]


def test_parameters_and_what_only_the_summary_holds_are_facts(folder: Path) -> None:
    table = read_runs(folder)
    assert (table.loss.tolist(), table.n_params.tolist(), table.n_tokens.tolist()) == ([3.0], [1e6], [40_000])
    assert table.extras["model/n_layer"].tolist() == [2]


def test_a_step_logged_twice_is_two_points(folder: Path) -> None:
    with (folder / "plots/metrics/eval/loss.tsv").open("a") as file:
        file.write("40\t2.9\n")
    (log,) = KIND.logs(folder, Manner()).runs
    assert [p["eval/loss"] for p in log.points if p["step"] == "40"] == ["3.0", "2.9"]


def test_a_summary_that_is_no_object_is_refused(folder: Path) -> None:
    (folder / "metrics.json").write_text("[1]")
    with pytest.raises(DataError, match=r"metrics\.json.*E_JSON"):
        read_runs(folder)
