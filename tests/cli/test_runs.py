"""`scalelaw runs` tells what was found, what it was taken for, and what was left out and why."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app
from scalelaw.errors import DataError, UsageError
from scalelaw.readers import read_runs


def scalelaw(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["runs", *map(str, words)], env={"COLUMNS": "80"})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two finished runs and one that failed, as points."""
    path = tmp_path / "log.jsonl"
    rows = [
        {
            "run": name,
            "n_params": n,
            "step": step,
            "tokens": step * 1000,
            "val_loss": 4 - step / 500 - i,
            "state": state,
        }
        for i, (name, n, state) in enumerate([("a", 1e6, "finished"), ("b", 2e6, "finished"), ("c", 3e6, "failed")])
        for step in range(100, 600, 100)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_runs_columns_units_and_what_was_left_out_are_told_in_80_columns(log: Path) -> None:
    done = scalelaw(log, "--curve", "last")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("2 runs, exclusions: 1, fingerprint ")
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines]
    assert ["a", "1M", "500k", "3e+12", "3", "5", "finished"] in rows
    assert ["loss", "val_loss", "nats/token"] in rows
    assert ["n_tokens", "tokens", "tokens"] in rows
    assert ["flops", "-", "FLOP,", "6", "N", "D"] in rows
    assert "other columns: step, state" in done.stdout
    assert "left out: c (line 11): not finished: failed" in done.stdout


def test_the_saved_table_is_the_one_that_was_shown(log: Path, tmp_path: Path) -> None:
    done = scalelaw(log, "--curve", "last", "--save", tmp_path / "runs.csv", "--format", "json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    saved = read_runs(tmp_path / "runs.csv")
    assert document["fingerprint"] == saved.fingerprint == read_runs(log, curve="last").fingerprint
    assert [run["loss"] for run in document["runs"]] == saved.loss.tolist()
    assert document["excluded"][0]["reason"] == "not finished: failed"
    assert document["sources"][0]["taken"]["loss"] == "val_loss"


def test_csv_is_a_row_a_run_and_curves_are_summed_up(log: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(scalelaw(log, "--curve", "last", "--format", "csv").stdout)))
    assert [(row["run_id"], float(row["loss"]), row["points"]) for row in rows] == [("a", 3.0, "5"), ("b", 2.0, "5")]
    curves = list(csv.DictReader(io.StringIO(scalelaw(log, "--curves", "--format", "csv").stdout)))
    assert [(row["run_id"], row["points"], float(row["last_tokens"])) for row in curves] == [
        ("a", "5", 5e5),
        ("b", "5", 5e5),
    ]
    shown = scalelaw(log, "--curves").stdout
    assert ["a", "5", "100k", "to", "500k", "3.8", "to", "3", "3", "at", "500k"] in [
        x.split() for x in shown.splitlines()
    ]


def test_columns_that_are_missing_are_shown_with_examples_and_the_flags_to_give(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "Name,parameter_count,total_gflops,eval/macro_loss,_step\nx,669160448,3e10,3.5,10\ny,998e6,9e10,3.3,20\n"
    )
    done = scalelaw(path)
    assert isinstance(done.exception, DataError)
    assert done.exception.code == "E_MISSING_COLUMN"
    assert ["eval/macro_loss", "3.5,", "3.3"] in [line.split() for line in done.stdout.splitlines()]
    guess = " ".join(done.stdout.split("a guess from the names: ")[1].split())
    assert guess == (
        "--loss eval/macro_loss --n-params parameter_count --n-tokens '_step*TOKENS_PER_STEP' "
        "--flops 'total_gflops*1e9'"
    )
    follow = ["--loss", "eval/macro_loss", "--n-params", "parameter_count", "--flops", "total_gflops*1e9"]
    assert scalelaw(path, *follow).exit_code == 0


def test_columns_that_are_ambiguous_are_shown_too(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("N,D,train_loss,val_loss\n1e6,1e9,3.1,3.2\n")
    done = scalelaw(path, "--format", "json")
    assert isinstance(done.exception, DataError)
    document = json.loads(done.stdout)
    assert "E_AMBIGUOUS_COLUMN" in document["error"]
    assert document["sources"][0]["columns"]["val_loss"] == ["3.2"]


def test_a_value_for_all_is_set_and_one_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("run,step,loss\na,100,3.0\nb,200,2.9\n")
    done = scalelaw(path, "--set", "n_params=50M", "--n-tokens", "step*32768", "--format", "json")
    assert [run["n_tokens"] for run in json.loads(done.stdout)["runs"]] == [3_276_800.0, 6_553_600.0]
    refused = scalelaw(path, "--set", "50M")
    assert isinstance(refused.exception, UsageError)
    assert "NAME=VALUE" in str(refused.exception)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2Jred", "\\x1b[2Jred"),
        ("run\u202e1", "run\\u202e1"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("r" * 5000, "rrrr..rrrr"),
    ],
)
def test_names_from_files_reach_the_terminal_as_plain_text(name: str, shown: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f'run,N,D,loss,"{name}"\n"{name}",1e6,1e9,3.0,1\nb,1e6,2e9,2.9,2\nb,1e6,2e9,2.9,2\n')
    done = scalelaw(path)
    assert done.exit_code == 0, done.output
    assert shown in done.stdout
    assert not any(character in done.stdout for character in "\x1b\u202e")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_curves_and_another_choice_of_points_contradict_one_another(log: Path) -> None:
    assert isinstance(scalelaw(log, "--curves", "--curve", "last").exception, UsageError)


def test_the_guess_names_only_what_must_be_told_and_the_counter_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    header = "run,n_params,n_tokens,tokens,val_tokens,train_loss,val_loss"
    rows = [f"{run},1e6,4000,{1000 * k},65536,{4 - k / 9},{4.1 - k / 9}" for run in "ab" for k in (1, 2, 3)]
    path.write_text("\n".join([header, *rows, ""]))
    done = scalelaw(path)
    assert done.stdout.splitlines()[-1] == "a guess from the names: --loss val_loss --n-tokens tokens"
    assert "--loss 'val_loss'" in str(done.exception)
    assert scalelaw(path, "--loss", "val_loss", "--n-tokens", "tokens").exit_code == 0


def test_a_loss_that_says_what_it_is_a_mean_of_is_guessed_before_a_sum(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss,loss_per_all_target_tokens\n100,215365.6,0.92\n200,215300.1,0.91\n")
    assert "a guess from the names: --loss loss_per_all_target_tokens" in scalelaw(path).stdout


def test_a_size_that_nothing_tells_is_a_dash_with_the_option_that_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("run,tokens,loss\na,1e9,3.0\nb,2e9,2.9\n")
    done = scalelaw(path)
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["a", "-", "1B", "-", "3", "1"] in rows
    assert ["n_params", "-", "not", "in", "the", "logs;", "tell", "it:", "--set", "n_params=50M"] in rows
    assert "nan" not in done.stdout
