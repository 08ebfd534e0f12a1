"""`scalelaw laws`: the shelf as a table, and all about one law."""

from __future__ import annotations

import csv
import io
import json

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.laws import WIDTH
from scalelaw.cli.main import app
from scalelaw.laws import LAWS


def laws(*words: str) -> Result:
    """The command's answer."""
    return CliRunner().invoke(app, ["laws", *words])


def test_the_list_holds_every_law_and_fits_a_terminal() -> None:
    done = laws()
    assert done.exit_code == 0, done.output
    assert all(law.label in done.stdout for law in LAWS)
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("law", list(LAWS), ids=lambda law: law.name)
def test_one_law_is_shown_in_full_and_fits_a_terminal(law) -> None:  # type: ignore[no-untyped-def]
    done = laws(law.label)
    assert done.exit_code == 0, done.output
    flowing = " ".join(done.stdout.split())
    for part in (law.formula, law.source, law.identifiability, *law.names, *law.inputs):
        assert " ".join(part.split()) in flowing
    assert max(map(len, done.stdout.splitlines())) <= WIDTH + 4


@pytest.mark.parametrize(("name", "answer"), [("kaplan", "yes"), ("farseer", "yes"), ("m4", "no"), ("tissue", "no")])
def test_it_says_whether_a_budget_can_be_split(name: str, answer: str) -> None:
    assert f"compute-optimal allocation: {answer}" in laws(name).stdout


def test_json_is_plain_data_with_null_for_what_is_infinite() -> None:
    told = json.loads(laws("k_power", "--format", "json").stdout)
    assert told["law"] == "k_power"
    assert told["optimum"] is True
    k = {row["parameter"]: row for row in told["parameters"]}["k"]
    assert (k["low"], k["high"]) == (0.01, 10.0)
    assert {row["parameter"]: row for row in told["parameters"]}["A"]["high"] is None


def test_csv_has_a_row_for_every_law() -> None:
    rows = list(csv.DictReader(io.StringIO(laws("--format", "csv").stdout)))
    assert [row["law"] for row in rows] == [law.label for law in LAWS]


def test_a_formula_is_a_law_here_too() -> None:
    done = laws("E + A / N^alpha + B / D^beta")
    assert "compute-optimal allocation: yes" in done.stdout
    assert "given by the user" in done.stdout


def test_an_unknown_law_is_answered_with_the_known_ones() -> None:
    done = laws("chinchila")
    assert done.exit_code != 0
    assert "Unknown law 'chinchila'" in str(done.exception)
