"""`scalelaw check runs`, as a user meets it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from scalelaw.checks import CHECKS
from scalelaw.readers import write_runs
from tests.checks.sweeps import Sweep, simulate
from tests.cli.test_cli import scalelaw


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checks") / "runs.csv"
    write_runs(simulate(Sweep(n=20), np.random.default_rng(5)), path)
    return path


def test_every_check_is_listed_with_its_verdict(runs: Path) -> None:
    done = scalelaw("check", "runs", runs)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in CHECKS.names())
    assert done.stdout.splitlines()[-1] == "0 found, 19 clear, 3 not looked"
    assert "precision          not looked: no standard errors were claimed" in done.stdout


def test_claims_are_checked_by_their_digits(runs: Path) -> None:
    options = ("--only", "precision", "--only", "rounding", "--claimed-se", "alpha=1e-6")
    done = scalelaw("check", "runs", runs, *options, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    verdicts = {check["name"]: check["verdict"] for check in answer["checks"]}
    assert verdicts == {"precision": "found", "rounding": "clear"}
    (finding,) = answer["checks"][0]["findings"]
    assert finding["code"] == "W_IMPLAUSIBLE_PRECISION"


def test_findings_as_csv_name_their_runs(runs: Path) -> None:
    done = scalelaw("check", "runs", runs, "--exclude", "loss >= largest(2)", "--only", "selection", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert (row["check"], row["verdict"], row["code"]) == ("selection", "found", "W_SELECTED")
    assert len(row["runs"].split()) == 2


def test_runs_that_no_law_fits_are_checked_all_the_same_and_fail(tmp_path: Path) -> None:
    path = tmp_path / "chinchilla_ratio.csv"
    N = np.geomspace(1e7, 1e10, 12)
    lines = [f"{n:.0f},{20 * n:.0f},{1.7 + 300.0 * (120 * n**2) ** -0.15:.6f}" for n in N]
    path.write_text("\n".join(["n_params,n_tokens,loss", *lines]))
    done = scalelaw("check", "runs", path)
    assert done.returncode == 1
    assert "D/N constant at 20" in done.stdout
    assert "power_constant(flops)" in done.stdout
    assert "clear" in done.stdout
    assert "Findings that are errors: E_FIXED_RATIO, E_UNIDENTIFIED." in done.stderr


@pytest.mark.parametrize("option", [("--claimed", "alpha"), ("--only", "nothing")])
def test_what_cannot_be_understood_is_a_usage_error(runs: Path, option: tuple[str, str]) -> None:
    done = scalelaw("check", "runs", runs, *option)
    assert done.returncode == 2
    assert option[1].split("=")[0] in done.stderr
