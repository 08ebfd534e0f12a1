"""`scalelaw loss2loss` on tables: two of them, one with both losses, a few runs more; and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app
from tests.loss2loss.sweeps import loss_y, sweeps


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loss2loss")
    x, y = sweeps(0.003)
    for name, table in (("x", x), ("y", y), ("few", y.take(range(0, 20, 5)))):
        frame = pd.DataFrame({"N": table.n_params, "D": table.n_tokens, "loss": table.loss})
        frame.to_csv(path / f"{name}.csv", index=False)
    both = {"N": x.n_params, "D": x.n_tokens, "loss_a": x.loss, "loss_b": loss_y(x.loss), "wrong": 0.2 * x.loss - 0.2}
    pd.DataFrame(both).to_csv(path / "both.csv", index=False)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["loss2loss", *map(str, words), "--quiet", "--replicates", "50"])


def test_two_tables_give_kappa_and_K_with_intervals(folder: Path) -> None:  # noqa: N802
    done = run(folder / "x.csv", folder / "y.csv", "--given", 2.5)
    assert done.exit_code == 0, done.output
    for text in ("kappa", "nats/token^(1-kappa)", "L_y at L_x 2.5", "prediction", "25 by size", "R2 0.9", "bootstrap"):
        assert text in " ".join(done.output.split())


def test_two_losses_of_one_table_are_paired_row_by_row(folder: Path) -> None:
    done = run(folder / "both.csv", "--x", "loss_a", "--y", "loss_b", "--irreducible", "1.7,1.3", "--format", "json")
    found = json.loads(done.stdout)
    assert [row["target"] for row in found["estimates"]] == ["kappa", "K", "E_x", "E_y"]
    assert found["estimates"][0]["estimate"] == pytest.approx(1.1, abs=1e-6)
    assert any("25 by run" in note for note in found["notes"])


def test_a_few_runs_carry_a_law_over_as_csv(folder: Path) -> None:
    done = run(folder / "x.csv", "--translate", folder / "few.csv", "--at", "5B,200B", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["kind"] == "prediction"
    assert float(row["low"]) < float(row["estimate"]) < float(row["high"])


def test_an_error_follows_in_two_steps_and_losses_are_backtested(folder: Path) -> None:
    words = ("--x", "loss_a", "--error", "wrong", "--at", "5B,200B", "--backtest", "loss_b")
    done = run(folder / "both.csv", *words)
    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    for part in ("wrong at N 5e+09, D 2e+11", "epsilon", "loss_b", "predictable"):
        assert part in text


def test_the_figure_is_drawn(folder: Path, tmp_path: Path) -> None:
    done = run(folder / "x.csv", folder / "y.csv", "--figure", tmp_path / "pairs.svg")
    assert done.exit_code == 0, done.output
    assert "<svg" in (tmp_path / "pairs.svg").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.csv"], "One table needs --y"),
        (["x.csv", "y.csv", "few.csv"], "One or two tables are related; found 3"),
        (["x.csv", "--translate", "few.csv"], "--at N,D says where"),
        (["x.csv", "y.csv", "--irreducible", "1.7"], "--irreducible takes two numbers"),
        (["x.csv", "--translate", "few.csv", "--at", "5B"], "--at takes two numbers"),
    ],
)
def test_words_that_do_not_fit_together_are_refused(folder: Path, words: list[str], said: str) -> None:
    done = run(*(folder / word if word.endswith(".csv") else word for word in words))
    assert done.exit_code != 0
    assert said in str(done.exception)
