"""A count may be a product of columns and numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Runs that logged steps, batches and gigaflops."""
    path = tmp_path / "runs.csv"
    path.write_text("run,N,steps,batch_size,seq_len,gflops,loss\na,1e6,1k,8,512,25e3,3\nb,2e6,2k,8,512,,2.5\n")
    return path


def test_tokens_are_steps_times_the_tokens_of_a_step(table: Path) -> None:
    by_columns = read_runs(table, n_tokens="steps * batch_size * seq_len")
    by_number = read_runs(table, n_tokens="steps*4096")
    assert by_columns.n_tokens.tolist() == by_number.n_tokens.tolist() == [4_096_000.0, 8_192_000.0]


def test_a_missing_factor_leaves_the_product_to_follow_from_the_others(table: Path) -> None:
    runs = read_runs(table, n_tokens="steps*4096", flops="gflops*1e9")
    assert runs.flops.tolist() == [25e12, 6 * 2e6 * 8_192_000]


def test_a_parameter_count_may_be_a_product_too(table: Path) -> None:
    assert read_runs(table, n_params="N*2", n_tokens="steps*1").n_params.tolist() == [2e6, 4e6]


def test_tokens_follow_from_steps_where_the_tokens_of_one_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("N,step,tokens_per_step,loss\n1e6,100,1000,3\n")
    runs = read_runs(path)
    assert runs.n_tokens.tolist() == [1e5]
    assert [note.code for note in runs.notes] == ["I_TOKENS"]


def test_a_factor_that_is_neither_column_nor_number_is_refused_with_the_columns(table: Path) -> None:
    with pytest.raises(DataError, match="'batch' is neither a column nor a number; columns found: run, N") as caught:
        read_runs(table, n_tokens="steps*batch")
    assert caught.value.code == "E_MISSING_COLUMN"


def test_a_factor_that_is_no_number_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("N,step,loss\n1e6,100,3\n1e6,many,2.9\n")
    with pytest.raises(DataError) as caught:
        read_runs(path, n_tokens="step*1000")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("E_NOT_A_NUMBER", 3, "step")


def test_tokens_of_a_configuration_are_said_to_be_taken_for_those_seen(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    points = ('{"step": 1, "loss": 3}\n{"step": 2, "loss": 2.5}\n', '{"step": 1, "loss": 3, "tokens": 5}\n')
    said = []
    for lines in points:
        path.write_text('{"type": "config", "n_params": 1000000, "train_tokens": 1000000000}\n' + lines)
        found = read_runs(path, n_tokens=None if "tokens" not in lines else "tokens")
        said.append([note.message for note in found.notes if note.code == "I_TOKENS"])
    assert said[0] == [
        "train_tokens is one number for all points of a run: taken for the tokens it has seen at its last point"
    ]
    assert said[1] == []
