"""The committed table of the traps belongs to this code, and holds what the checks promise."""

from __future__ import annotations

import csv

import pytest

from tests.checks.plants import PLANTS
from tests.slow.trap_study import TABLE, TRIALS, code_hash, power

pytestmark = pytest.mark.slow

POWER, FALSE_ALARM = 0.90, 0.05


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.trap_study"


def test_every_planted_fault_is_there() -> None:
    assert [(int(row["trap"]), row["fault"]) for row in rows()] == [(plant.trap, plant.fault) for plant in PLANTS]


def test_nine_planted_faults_in_ten_are_found() -> None:
    for row in rows():
        assert float(row["power"]) >= POWER, row
        assert int(row["trials"]) >= TRIALS, row


def test_no_more_than_one_clean_sweep_in_twenty_raises_an_alarm() -> None:
    for row in rows():
        assert float(row["false_alarm"]) <= FALSE_ALARM, row
        assert float(row["false_alarm_heavy"]) <= FALSE_ALARM, row


@pytest.mark.parametrize("check", ["influence", "independence", "extrapolation"])
def test_a_row_repeats_itself(check: str) -> None:
    plant = next(plant for plant in PLANTS if plant.check == check)
    row = next(row for row in rows() if row["fault"] == plant.fault)
    assert f"{power(plant):.2f}" == row["power"]
