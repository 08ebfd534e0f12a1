"""Hugging Face's trainer_state.json is read as the Trainer means it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.hf_trainer import KIND

SAMPLE = Path(__file__).with_name("samples") / "hf_trainer"
STATE = SAMPLE / "checkpoint-8" / "trainer_state.json"


def state(folder: Path, step: int = 8, last: int = 8, **changes: Any) -> Path:
    """The sample's state in a folder, changed."""
    content = (
        json.loads(STATE.read_text()) | {"global_step": step, "max_steps": last, "stateful_callbacks": {}} | changes
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trainer_state.json").write_text(json.dumps(content))
    return folder


def test_a_run_of_the_trainer_is_read_whole() -> None:
    """GPT-2 of one layer and width 16 has 12 x 16^2 weights in its block and 240 biases and gains: 3,312."""
    table = read_runs(SAMPLE, loss="eval_loss", curve="all")
    assert table.run_id == ("hf_trainer", "hf_trainer")
    assert table.n_tokens.tolist() == [256, 512]
    assert table.loss.tolist() == [3.8979811668395996, 3.897861957550049]
    assert table.n_params.tolist() == [3312, 3312]
    assert table.conventions.params == "non_embedding"
    assert "I_PARAMS" in [note.code for note in table.notes]


def test_a_file_and_its_folders_are_the_same_run() -> None:
    tables = [read_runs(path, loss="eval_loss") for path in (SAMPLE, SAMPLE / "checkpoint-8", STATE)]
    assert len({(table.run_id, table.fingerprint) for table in tables}) == 1


def test_what_is_trained_and_evaluated_after_one_step_is_one_point() -> None:
    (log,) = KIND.logs(STATE, Manner()).runs
    assert [point["step"] for point in log.points] == [2, 4, 6, 8]
    assert {"loss", "eval_loss", "tokens"} <= set(log.points[-1])


def test_the_newest_checkpoint_counts(tmp_path: Path) -> None:
    """By number: `checkpoint-10` comes after `checkpoint-9`."""
    for step in (9, 10):
        state(tmp_path / "run" / f"checkpoint-{step}", step, 10)
    logs = KIND.logs(tmp_path / "run", Manner())
    assert logs.runs[0].name == "run"
    assert logs.sources[0].file.endswith("checkpoint-10/trainer_state.json")


def test_a_run_that_stopped_before_its_last_step_has_no_final_loss(tmp_path: Path) -> None:
    state(tmp_path / "done")
    state(tmp_path / "cut", 6)
    table = read_runs(tmp_path, loss="eval_loss")
    assert table.run_id == ("done",)
    assert [(item.run_id, "stopped at step 6 of 8" in item.reason) for item in table.excluded] == [("cut", True)]


def test_a_run_that_was_told_to_stop_early_has_finished(tmp_path: Path) -> None:
    control = {"TrainerControl": {"args": {"should_training_stop": True}}}
    state(tmp_path / "run", 6, stateful_callbacks=control)
    assert read_runs(tmp_path / "run", loss="eval_loss").run_id == ("run",)


def test_several_evaluation_sets_are_columns_to_choose_from(tmp_path: Path) -> None:
    points = [{"step": 8, "eval_c4_loss": 3.0}, {"step": 8, "eval_code_loss": 2.0, "eval_code_runtime": 1.0}]
    path = state(tmp_path / "run", log_history=points)
    told = {"given": {"n_params": "1M"}, "n_tokens": "step*32", "params_convention": "all"}
    assert read_runs(path, loss="eval_code_loss", **told).loss.tolist() == [2.0]
    with pytest.raises(DataError, match="eval_c4_loss, eval_code_loss") as caught:
        read_runs(path, **told)
    assert caught.value.code == "E_MISSING_COLUMN"


def test_parameters_are_not_guessed_from_counts_that_do_not_divide(tmp_path: Path) -> None:
    """Tokens counted without padding, or from a resumed step on, are fewer than total_flos stands for."""
    path = state(tmp_path / "run", num_input_tokens_seen=500)
    assert "n_params_non_embedding" not in KIND.logs(path, Manner()).runs[0].config


@pytest.mark.parametrize(("content", "code"), [('{"log_history": [1]}', "E_FORMAT"), ('{"log_history": [', "E_JSON")])
def test_what_is_no_state_is_refused(content: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code == code


def test_a_folder_of_runs_is_searched(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(SAMPLE, tmp_path / "sweep" / name)
    assert sorted(read_runs(tmp_path / "sweep", loss="eval_loss").run_id) == ["a", "b"]
