"""The committed coverage of loss-to-loss intervals belongs to this code and lies near the level."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tests.slow.loss2loss_study import REPLICATES, SETTINGS, SWEEPS, TABLE, code_hash, sweep

pytestmark = pytest.mark.slow


def coverages() -> dict[tuple[int, float, str], float]:
    rows = csv.DictReader(TABLE.read_text().splitlines()[1:])
    return {(int(r["configurations"]), float(r["noise"]), r["target"]): float(r["coverage"]) for r in rows}


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text().splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.loss2loss_study"


@pytest.mark.parametrize("target", ["kappa", "loss"])
@pytest.mark.parametrize("setting", [s for s in SETTINGS if s[0] >= 25], ids=str)
def test_from_25_configurations_coverage_is_within_two_points_of_the_level(
    setting: tuple[int, float], target: str
) -> None:
    assert 0.93 <= coverages()[*setting, target] <= 0.97


def test_fewer_configurations_are_never_covered_too_seldom() -> None:
    assert all(coverage >= 0.93 for coverage in coverages().values())


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_new_sweeps_agree_with_the_table(setting: tuple[int, float]) -> None:
    """Fresh seeds hold kappa as often as the table says, within four standard errors."""
    held = np.mean([sweep(*setting, seed, REPLICATES)["kappa"][0] for seed in range(SWEEPS, SWEEPS + 100)])
    told = coverages()[*setting, "kappa"]
    assert abs(held - told) < 4 * np.sqrt(told * (1 - told) / 100)
