"""What a log does not say is told beside it: a table of facts, values for all, and a file that holds both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import ColumnMap, read_runs

STEPS = (100, 200)
LOSSES = {"a": (4.0, 3.0), "b": (3.5, 2.5)}
N = {"a": 1e6, "b": 2e6}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two runs that logged steps and losses, and nothing else."""
    rows = [
        {"run": run, "step": step, "loss": loss}
        for run, losses in LOSSES.items()
        for step, loss in zip(STEPS, losses, strict=True)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def about(folder: Path, text: str = "run,n_params,seed\nb,2M,1\na,1M,0\nc,9M,0\n") -> Path:
    """A table with a row a run, and one of a run that was not logged."""
    path = folder / "about.csv"
    path.write_text(text)
    return path


def test_facts_of_a_run_hold_at_all_of_its_points(log: Path, tmp_path: Path) -> None:
    table = read_runs(log, about=about(tmp_path), n_tokens="step*1000")
    assert table.run_id == ("a", "a", "b", "b")
    assert table.n_params.tolist() == [1e6, 1e6, 2e6, 2e6]
    assert table.n_tokens.tolist() == [1e5, 2e5, 1e5, 2e5]
    assert table.extras["seed"].tolist() == [0, 0, 1, 1]


def test_a_run_without_a_row_of_facts_is_named(log: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no row for 1 of the runs .*: b") as caught:
        read_runs(log, about=about(tmp_path, "run,n_params\na,1M\n"), n_tokens="step*1000")
    assert caught.value.code == "E_MISSING_RUN"


def test_two_rows_of_facts_for_one_run_are_refused_with_the_line(log: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run a has two rows") as caught:
        read_runs(log, about=about(tmp_path, "run,n_params\na,1M\nb,2M\na,3M\n"), n_tokens="step*1000")
    assert (caught.value.code, caught.value.line) == ("E_CONFLICT", 4)


def test_what_was_logged_stays_and_a_fact_that_differs_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,n_params,n_tokens,loss\na,1000000,1e9,3\nb,,1e9,2.5\n")
    table = read_runs(path, about=about(tmp_path, "run,n_params\na,1M\nb,2M\n"))
    assert (table.n_params.tolist(), table.notes) == ([1e6, 2e6], ())
    table = read_runs(path, about=about(tmp_path, "run,n_params\na,7M\nb,2M\n"))
    assert table.n_params.tolist() == [1e6, 2e6]
    assert [note.code for note in table.notes] == ["W_ABOUT"]
    assert "n_params of a" in table.notes[0].message


def test_facts_are_matched_by_the_column_that_names_the_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("id,label,n_tokens,loss\n1,a,1e9,3\n2,b,1e9,2.5\n")
    told = about(tmp_path, "run,n_params\nb,2M\na,1M\n")
    assert read_runs(path, about=told, run_id="label").n_params.tolist() == [1e6, 2e6]


def test_a_value_for_all_is_a_column(log: Path) -> None:
    table = read_runs(log, given={"n_params": "50M", "tokens_per_step": "1k"})
    assert set(table.n_params.tolist()) == {5e7}
    assert table.n_tokens.tolist() == [1e5, 2e5, 1e5, 2e5]
    assert [note.code for note in table.notes] == ["I_TOKENS"]


def test_a_mapping_file_can_say_all_of_it(log: Path, tmp_path: Path) -> None:
    about(tmp_path)
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        'loss_unit = "bits"\n[columns]\nn-tokens = "step*batch"\n[read]\nabout = "about.csv"\ncurve = "last"\n'
        "smooth = 2\n[set]\nbatch = 1000\n"
    )
    table = read_runs(log, mapping=mapping)
    said = read_runs(
        log, about=tmp_path / "about.csv", n_tokens="step*batch", given={"batch": "1000"}, curve="last", smooth=2,
        loss_unit="bits",
    )  # fmt: skip
    assert table.fingerprint == said.fingerprint
    assert len(table) == 2
    assert len(read_runs(log, mapping=mapping, curve="all")) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[read]\ncurves = 'all'\n", "Did you mean 'curve'"),
        ("[read]\nsmooth = 'two'\n", "must be a whole number"),
        ("[read]\nkeep_unfinished = 1\n", "must be true or false"),
        ("set = 'n_params'\n", "must be a table"),
        ("[read]\ndecimal = ';'\n", "Unknown decimal mark"),
    ],
)
def test_a_mapping_file_that_is_off_is_refused_with_its_name(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        ColumnMap.load(path)


def test_a_table_of_facts_needs_names_of_runs(log: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column of run names"):
        read_runs(log, about=about(tmp_path, "n_params\n1M\n"))
