"""ClearML's offline session is one run, packed or not."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.clearml import KIND

TASK = {
    "id": "offline-1",
    "name": "small",
    "hyperparams": {
        "General": {"n_params": {"type": "int", "value": "1000000"}, "lr": {"type": "float", "value": "0.003"}},
        "Args": {"note": {"type": "str", "value": "x"}, "odd": {"type": "int", "value": "many"}},
    },
}


def scalar(step: int, metric: str, variant: str, value: float) -> dict[str, Any]:
    """An event as the offline session writes it."""
    return {"type": "training_stats_scalar", "iter": step, "metric": metric, "variant": variant, "value": value}


BATCHES = [
    [scalar(10, "loss", "eval", 3.5), scalar(10, "tokens", "seen", 1e6)],
    [{"type": "plot"}, scalar(20, "loss", "eval", 3.25), scalar(20, "tokens", "seen", 2e6)],
]


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """The folder of a session."""
    folder = tmp_path / "offline-1"
    folder.mkdir()
    (folder / "task.json").write_text(json.dumps(TASK))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(batch) + "\n" for batch in BATCHES))
    return folder


def test_a_session_is_a_run_with_typed_hyper_parameters(session: Path) -> None:
    (log,) = KIND.logs(session, Manner()).runs
    assert (log.name, log.id) == ("small", "offline-1")
    assert log.config == {"n_params": 1_000_000, "lr": 0.003, "Args/note": "x", "Args/odd": "many"}
    assert [dict(point) for point in log.points] == [
        {"step": 10, "loss/eval": 3.5, "tokens/seen": 1e6}, {"step": 20, "loss/eval": 3.25, "tokens/seen": 2e6}
    ]  # fmt: skip
    assert list(log.lines) == [1, 2]


def test_a_folder_of_packed_sessions_is_searched(session: Path, tmp_path: Path) -> None:
    (tmp_path / "packed").mkdir()
    for name in ("a", "b"):
        with zipfile.ZipFile(tmp_path / "packed" / f"{name}.zip", "w") as archive:
            archive.writestr("task.json", json.dumps(TASK | {"id": name, "name": name}))
            archive.write(session / "metrics.jsonl", "metrics.jsonl")
    told = {"loss": "loss/eval", "n_tokens": "tokens/seen"}
    table = read_runs(tmp_path / "packed", **told)
    assert table.run_id == ("a", "b")
    assert table.loss.tolist() == [3.25, 3.25]
    assert read_runs(session, **told).loss.tolist() == [3.25]


@pytest.mark.parametrize(("name", "text"), [("metrics.jsonl", "[1]\n"), ("metrics.jsonl", "[{\n"), ("task.json", "[]")])
def test_a_line_that_is_no_event_is_named(session: Path, name: str, text: str) -> None:
    (session / name).write_text(text)
    with pytest.raises(DataError, match=rf"{name}, line 1") as caught:
        read_runs(session)
    assert caught.value.code == "E_JSON"
