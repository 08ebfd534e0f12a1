"""A run store is read as a table; what did not finish is excluded, on the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs, write_runs

DONE = {
    "status": "finished",
    "n_params": 20_000_000,
    "n_params_non_embedding": 10_000_000,
    "n_tokens": 400_000_000,
    "flops": 5e16,
    "flops_6nd": 4.8e16,
    "loss": 3.5,
    "loss_unit": "nats/token",
    "steps": 100,
    "seed": 0,
    "group": "w64",
    "wall_s": 9.5,
    "corpus": "zipf",
    "lr": 0.01,
}


def _run(store: Path, name: str, **changes: object) -> None:
    (store / name).mkdir(parents=True)
    (store / name / "spec.json").write_text("{}")
    if changes.get("status") != "running":
        (store / name / "done.json").write_text(json.dumps({**DONE, "run_id": name, **changes}))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for seed in (0, 1):
        _run(tmp_path / "store", f"a{seed}", seed=seed, loss=3.5 + 0.01 * seed)
    _run(tmp_path / "store", "b", status="diverged", loss=float("nan"))
    _run(tmp_path / "store", "c", status="running")
    return tmp_path / "store"


def test_finished_runs_are_rows_and_the_others_exclusions(store: Path) -> None:
    table = read_runs(store)
    assert table.run_id == ("a0", "a1")
    assert table.group == ("w64", "w64")
    assert table.conventions.params == "all"
    assert table.conventions.flops == "exact"
    assert table.flops.tolist() == [5e16, 5e16]
    assert {"corpus", "seed", "lr", "steps", "flops_6nd"} <= set(table.extras)
    assert [(item.run_id, item.reason) for item in table.excluded] == [("b", "diverged"), ("c", "unfinished")]
    assert not table.notes


def test_counts_are_those_asked_for(store: Path) -> None:
    table = read_runs(store, params_convention="non_embedding", flops_convention="6ND")
    assert table.n_params.tolist() == [1e7, 1e7]
    assert table.flops.tolist() == [4.8e16, 4.8e16]
    assert (table.conventions.params, table.conventions.flops) == ("non_embedding", "6ND")


def test_a_store_written_as_csv_reads_back(store: Path, tmp_path: Path) -> None:
    for options in ({}, {"params_convention": "non_embedding"}, {"flops_convention": "6ND"}):
        table = read_runs(store, **options)
        again = read_runs(write_runs(table, tmp_path / "runs.csv"))
        assert again.fingerprint == table.fingerprint
        assert set(again.extras) == set(table.extras)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no logged runs found"):
        read_runs(tmp_path)
    _run(tmp_path, "c", status="running")
    with pytest.raises(DataError, match=r"none of the store's 1 runs is finished \(unfinished\)"):
        read_runs(tmp_path)
