"""`scalelaw params show`: the rules of a shape as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app

pytest.importorskip("torch")


def show(*words: str) -> Result:
    return CliRunner().invoke(app, ["params", "show", *words])


def test_the_table_has_a_row_for_each_role_with_values_and_multiples() -> None:
    done = show("--width", "512", "--base-width", "64", "--lr", "0.01")
    assert done.exit_code == 0, done.output
    row = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "0.00125 (x 0.125)" in row["hidden"]
    assert "0.8 (x 8)" in row["hidden"]
    assert row["readout"].endswith("x 0.125")
    assert "all 1" in row["norm"]
    assert done.stdout.splitlines()[-1] == "mup, transformer, adamw: m = 8, l = 1, residual branches x 1"


def test_depth_enters_under_completep() -> None:
    done = show("--parametrization", "completep", "--depth", "8", "--base-depth", "2")
    assert "l = 4, residual branches x 0.25" in done.stdout


def test_tensors_have_names_and_shapes() -> None:
    done = show("--tensors", "--model", "mlp", "--optimizer", "sgd")
    assert done.exit_code == 0, done.output
    assert "input.bias" in done.stdout
    assert "512 x 512" in done.stdout
    assert "epsilon" not in done.stdout


def test_json_holds_roles_and_tensors_and_csv_has_a_row_for_each() -> None:
    told = json.loads(show("--format", "json").stdout)
    assert told["m"] == 8
    assert {row["role"] for row in told["tensors"]} == {row["role"] for row in told["roles"]}
    rows = list(csv.DictReader(io.StringIO(show("--format", "csv", "--tensors").stdout)))
    assert [row["tensor"] for row in rows] == [row["tensor"] for row in told["tensors"]]


@pytest.mark.parametrize(
    ("words", "message"), [(("--parametrization", "sp"), "Known: completep"), (("--width", "100"), "head_dim")]
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], message: str) -> None:
    assert message in str(show(*words).exception)
