"""Under muP sharpness meets the edge of stability alike at every width; under NTK it stays where it began."""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.slow.sharpness_study import PARAMETRIZATIONS, PAUSES, RATES, SEEDS, STEPS, TABLE, WIDTHS, cell, code_hash

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def by_width(parametrization: str, lr: float, step: int) -> np.ndarray:
    """Sharpness `[width, seed]`."""
    found = defaultdict(list)
    for row in rows():
        if (row["parametrization"], float(row["lr"]), int(row["step"])) == (parametrization, lr, step):
            found[int(row["width"])].append(float(row["sharpness"]))
    return np.array([found[width] for width in WIDTHS])


def variation(parametrization: str, lr: float) -> float:
    """The coefficient of variation over widths at the end, averaged over seeds."""
    last = by_width(parametrization, lr, STEPS)
    return float((last.std(0, ddof=1) / last.mean(0)).mean())


def growth(parametrization: str, lr: float) -> np.ndarray:
    """lambda(T) / lambda(0) of the widths from 256 on, the mean over seeds."""
    return (by_width(parametrization, lr, STEPS) / by_width(parametrization, lr, 0))[2:].mean(1)


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.sharpness_study"


def test_every_cell_is_there() -> None:
    assert len(rows()) == len(PARAMETRIZATIONS) * len(WIDTHS) * len(RATES) * len(SEEDS) * len(PAUSES)


@pytest.mark.parametrize("lr", RATES)
def test_mup_sharpens_alike_at_every_width(lr: float) -> None:
    assert variation("mup", lr) <= 0.10
    assert (growth("mup", lr) >= 2).all()


@pytest.mark.parametrize("lr", RATES)
def test_the_neural_tangent_does_not_sharpen(lr: float) -> None:
    assert (growth("ntk", lr) <= 1.3).all()


def test_mup_ends_at_the_edge_of_stability() -> None:
    share = by_width("mup", 0.3, STEPS) / (2 / 0.3)
    assert (np.abs(share - 1) < 0.05).all()


@pytest.mark.parametrize("lr", RATES)
def test_widths_differ_at_most_half_as_much_under_mup_as_under_the_neural_tangent(lr: float) -> None:
    assert variation("ntk", lr) >= 2 * variation("mup", lr)


def test_a_cell_repeats_itself() -> None:
    first = rows()[0]
    again = next(cell(first["parametrization"], int(first["width"]), float(first["lr"]), int(first["seed"])))
    assert float(again["sharpness"]) == pytest.approx(float(first["sharpness"]), rel=2e-3)
