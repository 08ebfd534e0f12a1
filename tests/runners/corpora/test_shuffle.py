"""The shuffled order is a permutation, and looks like a random one."""

from __future__ import annotations

import numpy as np
import pytest

from runners.corpora._shuffle import Shuffle


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 255, 256, 1000, 65_537])
def test_every_place_is_met_once(n: int) -> None:
    np.testing.assert_array_equal(np.sort(Shuffle(n, (0,))(np.arange(n))), np.arange(n))


def test_billions_of_places_need_no_list() -> None:
    found = Shuffle(10**12, (3,))(np.arange(100_000))
    assert len(np.unique(found)) == 100_000
    assert (found >= 0).all()
    assert (found < 10**12).all()


def test_a_prefix_is_spread_evenly_and_neighbours_part() -> None:
    """Chi-squared of 100,000 places over 100 cells within five standard deviations; no correlation with order."""
    n, count = 3_000_000, 100_000
    found = Shuffle(n, (5,))(np.arange(count))
    met = np.bincount(found * 100 // n, minlength=100)
    chi_squared = ((met - count / 100) ** 2 / (count / 100)).sum()
    assert abs(chi_squared - 99) < 5 * np.sqrt(2 * 99)
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 5 / np.sqrt(count)
    assert abs(np.corrcoef(found, np.arange(count))[0, 1]) < 5 / np.sqrt(count)


def test_seeds_give_orders_of_their_own() -> None:
    """Two random orders of n places agree at one place on average."""
    first, second = (Shuffle(10_000, (seed, 7))(np.arange(10_000)) for seed in (0, 1))
    assert np.sum(first == second) < 10
