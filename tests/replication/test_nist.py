"""NIST's reference sets: what the committed table says, and that today's code still says so."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.replication import nist


def rows() -> list[dict[str, str]]:
    with open(nist.TABLE, newline="", encoding="utf-8") as file:
        next(file)
        return list(csv.DictReader(file))


def test_the_table_belongs_to_this_code() -> None:
    made_by = nist.TABLE.read_text(encoding="utf-8").splitlines()[0]
    assert nist.code_hash() in made_by, "stale: python -m tests.replication.nist"


def test_every_set_is_solved_from_both_starts() -> None:
    found = rows()
    assert sorted((row["set"], row["start"]) for row in found) == [(name, s) for name in nist.MODELS for s in "12"]
    digits = np.array([float(row["digits"]) for row in found])
    assert (digits >= 6).all(), [row for row in found if float(row["digits"]) < 6]
    assert np.median(digits) >= 9


def test_nothing_wrong_is_called_converged() -> None:
    assert all(float(row["digits"]) >= 4 for row in rows() if row["converged"] == "True")


def test_standard_errors_are_right_to_six_digits() -> None:
    assert all(float(row["digits_of_errors"]) >= 6 for row in rows() if row["digits_of_errors"])


@pytest.mark.parametrize("name", ["Misra1a", "Hahn1", "Rat43", "ENSO", "Gauss3", "BoxBOD"])
def test_a_set_is_solved_again(development_data: Path, name: str) -> None:
    case = nist.read(name, development_data / "nist_strd")
    for start in (0, 1):
        assert float(str(nist.run(case, start)["digits"])) >= 6
