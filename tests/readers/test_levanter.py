"""Levanter's record of a run, and its stream of events, by our names and in our units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs

CONFIG = {"trainer": {"id": "ladder-1", "num_train_steps": 100}, "optimizer": {"learning_rate": 0.003}}
SUMMARY = {
    "_step": 99,
    "parameter_count": 1_000_000,
    "throughput/total_tokens": 20_000_000,
    "throughput/total_gflops": 150_000.0,
    "eval/loss": 3.5,
}


def written(folder: Path, *records: dict[str, Any]) -> Path:
    """A file of these records, as Levanter names it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tracker_metrics.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_record_of_configuration_and_summary_is_a_run_named_as_its_folder(tmp_path: Path) -> None:
    for name in ("ladder-1-ab12", "ladder-2-cd34"):
        written(tmp_path / name, {"config": CONFIG, "summary": SUMMARY})
    table = read_runs(tmp_path)
    assert table.run_id == ("ladder-1-ab12", "ladder-2-cd34")
    assert (table.n_params[0], table.n_tokens[0], table.flops[0], table.loss[0]) == (1e6, 2e7, 1.5e14, 3.5)
    assert table.extras["optimizer/learning_rate"].tolist() == [0.003, 0.003]
    (note,) = [note for note in table.notes if note.code == "I_LEVANTER"][:1]
    assert "throughput/total_gflops read as flops" in note.message


def test_several_records_in_a_file_are_runs_named_by_their_ids(tmp_path: Path) -> None:
    other = CONFIG | {"trainer": {"id": "ladder-2"}}
    path = written(tmp_path, {"config": CONFIG, "summary": SUMMARY}, {"config": other, "summary": SUMMARY})
    assert read_runs(path).run_id == ("ladder-1", "ladder-2")


def test_a_stream_of_events_is_a_curve(tmp_path: Path) -> None:
    def event(kind: str, **rest: Any) -> dict[str, Any]:
        return {"tracker": "json_logger", "event": kind, **rest}

    kept = {name: value for name, value in SUMMARY.items() if name != "_step"}
    metrics = [kept | {"eval/loss": loss, "throughput/total_tokens": d} for loss, d in ((4.0, 1e7), (3.5, 2e7))]
    records = [event("hparams", hparams=CONFIG), *(event("log", step=i, metrics=m) for i, m in enumerate(metrics))]
    path = written(tmp_path / "ladder-1", *records, event("finish", summary={}))
    table = read_runs(path, curve="all")
    assert (table.loss.tolist(), table.n_tokens.tolist()) == ([4.0, 3.5], [1e7, 2e7])
    assert table.extras["trainer/num_train_steps"].tolist() == [100, 100]


def test_a_file_of_that_name_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E_FORMAT"):
        read_runs(written(tmp_path, {"loss": 3.0}))
