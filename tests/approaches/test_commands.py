"""`isoflop` and `envelope` on the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from scalelaw.approaches import PowerLaw, envelope, isoflop
from scalelaw.cli import approaches
from scalelaw.readers import read_runs, write_runs
from tests.approaches.conftest import BUDGETS, EPOCH, sweep

APP = typer.Typer()
APP.command("isoflop")(approaches.isoflop)
APP.command("envelope")(approaches.envelope)


def call(*arguments: object) -> str:
    done = CliRunner().invoke(APP, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine budgets, the fourth swept off its optimum."""
    path = tmp_path_factory.mktemp("approaches") / "runs.csv"
    write_runs(sweep(EPOCH, 8, np.where(np.arange(9) == 3, 0.04, 1.0), noise=0.002), path)
    return path


def test_isoflop_prints_budgets_the_approaches_side_by_side_and_the_bias(table: Path) -> None:
    shown = call("isoflop", table, "--replicates", 50)
    assert shown.count(" used") == 8
    assert "minimum outside the swept sizes" in shown or "lowest loss at the largest size swept" in shown
    for line in ("2  ", "2, cubic", "3  "):
        assert any(row.startswith(line) for row in shown.splitlines())
    assert "surface (chinchilla" in shown
    assert "bias of approach 2 at this design, were approach 3 the truth: exponent " in shown
    assert "[W_BUDGET_REJECTED]" in shown


def test_isoflop_as_json_says_what_the_library_says(table: Path) -> None:
    answer = json.loads(call("isoflop", table, "--replicates", 50, "--format", "json", "--at", "1e22"))
    found = isoflop(read_runs(table))
    assert isinstance(found.n_params, PowerLaw)
    assert answer["approaches"]["2"]["n_params"]["exponent"] == pytest.approx(found.n_params.exponent)
    assert answer["approaches"]["3"]["n_params"]["exponent"] == pytest.approx(EPOCH.exponent, abs=0.02)
    assert answer["bias"]["flops"] == 1e22
    assert [budget["verdict"] == "used" for budget in answer["budgets"]] == [i != 3 for i in range(len(BUDGETS))]
    assert answer["budgets"][3]["curvature"] is None or answer["budgets"][3]["curvature"] > 0


def test_budgets_as_csv_read_back(table: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call("isoflop", table, "--format", "csv", "--replicates", 50))))
    assert [float(row["flops"]) for row in rows] == pytest.approx(list(BUDGETS), rel=1e-6)


def test_a_column_read_as_compute_may_name_the_budgets(table: Path) -> None:
    renamed = table.with_name("renamed.csv")
    renamed.write_text(table.read_text().replace("flops", "budget", 1))
    named = call("isoflop", renamed, "--flops", "budget", "--budget", "budget", "--format", "csv", "--replicates", 50)
    rows = list(csv.DictReader(io.StringIO(named)))
    found = isoflop(read_runs(table)).budgets
    assert [row["verdict"] for row in rows] == [budget.verdict or "used" for budget in found]
    assert float(rows[0]["n_params"]) == pytest.approx(found[0].n_params, rel=1e-9)


def test_without_a_surface_approach_2_stands_alone_and_says_why(table: Path) -> None:
    shown = call("isoflop", table, "--exclude", "flops > 7e18", "--replicates", 50)
    assert "1 of 1 budgets can be used" in shown
    assert "bias of approach 2 at this design: not available" in shown


def test_envelope_of_finished_runs_stands_beside_the_surface(table: Path) -> None:
    shown = call("envelope", table, "--replicates", 50)
    assert "envelope (81 curves" in shown
    assert "surface (chinchilla" in shown
    assert "bias" not in shown
    answer = json.loads(call("envelope", table, "--replicates", 50, "--format", "json"))
    found = envelope(read_runs(table), replicates=50)
    assert isinstance(found.n_params, PowerLaw)
    assert answer["approaches"]["1"]["n_params"]["exponent"] == pytest.approx(found.n_params.exponent)
