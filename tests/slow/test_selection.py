"""The committed table of choices belongs to this code, and a richer law seldom beats the true one."""

from __future__ import annotations

import csv

import pytest

from tests.slow.selection_study import ALLOWED, CASES, SIZES, TABLE, TRUE_SIMPLE, cell, code_hash

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.selection_study"


def test_every_cell_is_there() -> None:
    assert {(row["truth"], int(row["n"])) for row in rows()} == {(name, n) for name in CASES for n in SIZES}


def test_a_richer_law_seldom_beats_the_true_one() -> None:
    for row in rows():
        if row["truth"] in TRUE_SIMPLE:
            assert float(row["richer_best"]) <= ALLOWED, row


def test_a_richer_truth_is_seen_several_times_as_often_as_it_is_imagined() -> None:
    shares = {row["truth"]: float(row["richer_best"]) for row in rows()}
    imagined = max(shares[name] for name in TRUE_SIMPLE)
    seen = min(share for name, share in shares.items() if name not in TRUE_SIMPLE)
    assert seen > 4 * imagined


def test_a_cell_repeats_itself() -> None:
    first = rows()[2]
    assert {name: str(value) for name, value in cell(first["truth"], int(first["n"])).items()} == first
