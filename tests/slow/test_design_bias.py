"""The committed table of biases belongs to this code, and says where a design is worse than the grid."""

from __future__ import annotations

import csv

import pytest

from tests.slow.design_bias_study import BENDS, TABLE, code_hash
from tests.slow.design_bias_study import rows as made_again

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def errors(c: float, bend: float) -> dict[tuple[str, str], tuple[float, float]]:
    """The errors of ln L and of ln N_opt, by what was run and its D/N."""
    found = [row for row in rows() if (float(row["cross"]), float(row["bend"])) == (c, bend)]
    return {(row["runs"], row["D/N"]): (abs(float(row["loss"])), abs(float(row["N_opt"]))) for row in found}


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.design_bias_study"


def test_a_truth_repeats_itself() -> None:
    again = [{name: str(value) for name, value in row.items()} for row in made_again(*BENDS[1])]
    assert again == [row for row in rows() if (float(row["cross"]), float(row["bend"])) == BENDS[1]]


def test_where_the_law_is_true_nothing_is_biased() -> None:
    assert all(max(pair) < 1e-4 for pair in errors(0.0, 0.0).values())


@pytest.mark.parametrize("c", [0.1, 0.2])
def test_a_cross_term_biases_the_loss_of_a_wide_design_twice_as_much_as_the_grids(c: float) -> None:
    found = errors(c, 0.0)
    wide, grid = found["design", "1 to 2000"][0], found["IsoFLOP", "+-4x of N_opt"][0]
    assert 1.5 < wide / grid < 2.5
    assert found["design", "4 to 400"][0] < 0.6 * wide


@pytest.mark.parametrize("bend", [0.01, -0.01])
def test_drifting_exponents_bias_the_size_of_a_wide_design_and_less_that_of_a_narrower(bend: float) -> None:
    found = errors(0.0, bend)
    assert found["design", "1 to 2000"][1] > found["design", "4 to 400"][1] > found["design", "5 to 100"][1]
    assert found["design", "1 to 2000"][0] < found["IsoFLOP", "+-4x of N_opt"][0]
