"""Every broken trajectory of the corpus is answered with its code, and one that was mended holds the same points."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.runs import RunTable

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "bad_inputs"
TOLD = {"t_wandb_export.csv": {"given": {"n_params": "50M"}, "n_tokens": "Step*262144"}}
"""What a chart does not say of its runs."""
WHOLE = (
    *("t_non_monotone", "t_duplicate_steps", "t_string_numbers", "t_array_not_lines", "t_concatenated", "t_nul_hole"),
    *("t_spike", "t_mid_decay"),
)
"""Logs that hold every step of the clean one."""
PARTS = {
    "t_gap": np.r_[0:60, 140:200],
    "t_nan_spike": np.delete(np.arange(200), 90),
    "t_inf": np.delete(np.arange(200), 90),
    "t_diverged": np.arange(120),
    "t_truncated_line": np.arange(199),
    "t_missing_key": np.arange(0, 200, 10),
}
"""Logs that hold some points of the clean one, and which."""

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no folder {CORPUS}: the corpus is not at hand")


def _index() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "index.csv").open() as stream:
        return [row for row in csv.DictReader(stream) if row["category"] == "trajectory"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The broken files, made afresh."""
    folder = tmp_path_factory.mktemp("bad_inputs")
    subprocess.run([sys.executable, CORPUS / "make_bad_inputs.py", folder], check=True, capture_output=True)
    return folder


def _read(path: Path) -> RunTable:
    told: dict[str, Any] = TOLD.get(path.name, {})
    return read_runs(path, curve="all", **told)


def test_the_corpus_has_27_trajectories() -> None:
    assert len(_index()) == 27


@pytest.mark.parametrize("entry", _index(), ids=lambda entry: entry["file"])
def test_a_broken_trajectory_is_answered_with_its_code(entry: dict[str, str], corpus: Path) -> None:
    try:
        notes = _read(corpus / entry["file"]).notes
        codes, said = [note.code for note in notes], " ".join(note.message for note in notes)
    except DataError as error:
        codes, said = [error.code], str(error)
    assert codes == ([] if entry["code"] == "-" else [entry["code"]]), said
    missing = [phrase for phrase in entry["must_mention"].split(";") if phrase.strip() not in said]
    assert not missing, said


@pytest.mark.parametrize("name", WHOLE)
def test_a_mended_trajectory_has_every_step_once(name: str, corpus: Path) -> None:
    clean, table = _read(corpus / "clean.jsonl"), _read(corpus / f"{name}.jsonl")
    np.testing.assert_array_equal(table.n_tokens, clean.n_tokens)
    if name != "t_spike":
        np.testing.assert_array_equal(table.loss, clean.loss)


@pytest.mark.parametrize("name", PARTS)
def test_what_is_kept_of_a_broken_trajectory_are_the_clean_points(name: str, corpus: Path) -> None:
    clean, table = _read(corpus / "clean.jsonl"), _read(corpus / f"{name}.jsonl")
    np.testing.assert_array_equal(table.n_tokens, clean.n_tokens[PARTS[name]])
    np.testing.assert_array_equal(table.loss, clean.loss[PARTS[name]])


@pytest.mark.parametrize(
    ("name", "shift", "since"), [("t_restart_overlap", 0.001, 80), ("t_restart_from_zero", 0.01, 0)]
)
def test_a_restart_keeps_the_losses_of_the_last_attempt(name: str, shift: float, since: int, corpus: Path) -> None:
    clean, table = _read(corpus / "clean.jsonl"), _read(corpus / f"{name}.jsonl")
    np.testing.assert_allclose(table.loss, clean.loss + shift * (np.arange(200) >= since), rtol=1e-12)
    assert [(item.run_id, item.reason[:9]) for item in table.excluded] == [("a", f"{100 - since} points"[:9])]


def test_a_broken_line_may_be_left_out_on_the_record(corpus: Path) -> None:
    clean, table = _read(corpus / "clean.jsonl"), read_runs(corpus / "t_bad_line_middle.jsonl", skip_bad_lines=True)
    np.testing.assert_array_equal(table.loss, np.delete(clean.loss, 99))
    assert [(note.code, note.lines) for note in table.notes] == [("W_BAD_LINES", (100,))]


def test_a_diverged_run_has_no_final_loss_and_neither_has_a_dead_one(corpus: Path) -> None:
    for name, says in (("t_diverged", "diverged at step 1210"), ("t_nan_to_end", "step 1510")):
        with pytest.raises(DataError, match=says):
            read_runs(corpus / f"{name}.jsonl", curve="last")
