"""A run a file, its configuration first; our own runs' logs among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs

POINTS = '{"step": 10, "tokens": 1000, "loss": 3.5}\n{"step": 20, "tokens": 2000, "loss": 3.25}\n'


def test_the_first_line_holds_for_every_point(tmp_path: Path) -> None:
    path = tmp_path / "ladder-1.jsonl"
    path.write_text('{"type": "config", "n_params": 1000000, "model": {"n_layer": 2}}\n' + POINTS)
    table = read_runs(path, curve="all")
    assert table.run_id == ("ladder-1", "ladder-1")
    assert table.n_params.tolist() == [1e6, 1e6]
    assert table.extras["model/n_layer"].tolist() == [2, 2]
    assert table.line.tolist() == [2, 3]
    assert read_runs(path).loss.tolist() == [3.25]


def test_the_configuration_names_the_run(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"type": "config", "run_id": "seven", "n_params": 1000000}\n' + POINTS)
    assert read_runs(path).run_id == ("seven",)


def test_a_name_may_have_points_in_it(tmp_path: Path) -> None:
    for lr in ("0.001", "0.003"):
        (tmp_path / f"lr{lr}.jsonl").write_text('{"type": "config", "n_params": 1000000}\n' + POINTS)
    assert read_runs(tmp_path).run_id == ("lr0.001", "lr0.003")


def test_a_configuration_alone_is_no_run_to_fit(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"type": "config", "n_params": 1000000}\n')
    with pytest.raises(DataError, match="E_NO_ROWS"):
        read_runs(path)


def test_each_configuration_begins_a_run_unless_it_is_told_again(tmp_path: Path) -> None:
    first, second = (f'{{"type": "config", "name": "{name}", "n_params": 1000000}}\n' for name in "ab")
    early, late = (
        "".join(f'{{"step": {s}, "tokens": {s * 1000}, "loss": {3 + 1 / s}}}\n' for s in steps)
        for steps in (range(1, 9), range(5, 13))
    )
    path = tmp_path / "log.jsonl"
    path.write_text(first + early + first + late + second + early)
    table = read_runs(path)
    assert (table.run_id, table.n_tokens.tolist()) == (("a", "b"), [12_000, 8_000])


def test_points_without_a_step_follow_one_another(tmp_path: Path) -> None:
    """A planned number of steps is none of theirs, and no tokens are made of their count."""
    path = tmp_path / "log.jsonl"
    config = '{"type": "config", "n_params": 1000000, "steps": 90}\n'
    path.write_text(config + '{"tokens": 1e6, "loss": 3}\n{"tokens": 2e6, "loss": 2.5}\n')
    table = read_runs(path)
    assert table.loss.tolist() == [2.5]
    assert "I_ORDER" in [note.code for note in table.notes]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store as our own runs leave it, with one run."""
    folder = tmp_path / "store" / "d32-L2"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text('{"run_id": "d32-L2", "spec": {"width": 32}}')
    lines = [
        {"step": s, "tokens": 100 * s, "flops": 7e5 * s, "train_loss": 3.0 + 1 / s, "val_loss": 2.0 + 1 / s}
        for s in (1, 2, 4)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = {
        "run_id": "d32-L2", "group": "d32", "status": "finished", "n_params": 1000, "n_params_non_embedding": 900,
        "n_tokens": 400, "flops": 2.8e6, "flops_6nd": 2.4e6, "loss": 2.25, "loss_unit": "nats/token", "width": 32,
    }  # fmt: skip
    (folder / "done.json").write_text(json.dumps(done))
    return folder.parent


def test_the_curve_of_our_own_run_is_read_when_it_is_asked_for(store: Path) -> None:
    """A store gives how its runs ended; a run's folder, or the log in it, gives the curve, counted the same way."""
    final = read_runs(store)
    for path in (store / "d32-L2", store / "d32-L2" / "metrics.jsonl"):
        curve = read_runs(path, loss="val_loss", curve="all")
        assert curve.run_id == ("d32-L2",) * 3
        assert curve.loss.tolist() == [3.0, 2.5, 2.25]
        assert curve.conventions == final.conventions
        last = read_runs(path, loss="val_loss")
        for quantity in ("n_params", "n_params_non_embedding", "n_tokens", "flops", "loss"):
            assert getattr(last, quantity).tolist() == getattr(final, quantity).tolist()


def test_a_run_of_our_own_that_has_not_ended_is_unfinished(store: Path) -> None:
    (store / "d32-L2" / "done.json").unlink()
    told = {"loss": "val_loss", "given": {"n_params": "1000"}}
    with pytest.raises(DataError, match="unfinished"):
        read_runs(store / "d32-L2", **told)
    assert len(read_runs(store / "d32-L2", curve="all", keep_unfinished=True, **told)) == 3
