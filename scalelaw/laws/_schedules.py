"""What laws of the learning-rate schedule read from a schedule, an array of the learning rate of every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.errors import DataError
from scalelaw.laws.base import Floats

MOMENTUM = 0.999
"""The decay of the annealing momentum in Tissue et al. 2024, section 3."""


def annealing_areas(schedule: ArrayLike, momentum: float = MOMENTUM) -> tuple[Floats, Floats]:
    """S1 and S2 after every step of a schedule, `[steps]` each.

    S1 = sum_i eta_i and S2 = sum_i m_i, m_i = momentum m_(i-1) + (eta_(i-1) - eta_i); the warm-up, over which the
    learning rate rises, counts for S1 only.

    Args:
        schedule: the learning rate of every step, in order.

    Source: Tissue et al. 2024, arXiv 2408.11029.

    >>> annealing_areas([2.0, 2.0, 1.0], momentum=0.5)[1]
    array([0., 0., 1.])
    """
    from scipy.signal import lfilter

    rates = _rates(schedule)
    kept = lfilter([1.0], [1.0, -momentum], _drops(rates))
    return np.cumsum(rates), np.cumsum(kept)


@dataclass(frozen=True)
class Drops:
    """A schedule's falls, gathered into groups: how far the rate falls in each, to which rate, and S1 before it.

    `size[m]` and `rate[m]` are learning rates, `before[m]` and `total[steps]` sums of them from the first step. The
    rises of a warm-up are falls of negative size, the first of them from a rate of 0.
    """

    size: Floats
    rate: Floats
    before: Floats
    total: Floats

    @classmethod
    def of(cls, schedule: ArrayLike, groups: int) -> Drops:
        """The falls of a schedule in about `groups` groups of equal size, rises and falls apart.

        A group has the mean rate and the mean S1 of its steps, weighted by their falls: an error of second order in the
        group's length. With no more falling steps than groups nothing is gathered and nothing lost.
        """
        rates = _rates(schedule)
        drops, total = -np.diff(rates, prepend=0.0), np.cumsum(rates)
        steps = np.flatnonzero(drops)
        size = drops[steps]
        label = np.arange(len(steps)) if len(steps) <= groups else _labels(size, groups)
        share = size / np.bincount(label, size)[label]

        def gathered(values: NDArray[Any]) -> Floats:
            return np.asarray(np.bincount(label, values), dtype=float)

        return cls(gathered(size), gathered(share * rates[steps]), gathered(share * (total - rates)[steps]), total)


def _labels(size: Floats, groups: int) -> NDArray[np.int64]:
    """The group of each fall, numbered from 0: neighbours of one sign that fall about as far as every other group."""
    fallen = np.cumsum(np.abs(size)) - 0.5 * np.abs(size)
    share = np.floor(fallen * groups / np.abs(size).sum())
    new = (np.diff(share) != 0) | (np.diff(np.sign(size)) != 0)
    return np.concatenate([[0], np.cumsum(new)])


def _rates(schedule: ArrayLike) -> Floats:
    rates = np.asarray(schedule, dtype=float)
    if rates.ndim != 1 or len(rates) == 0 or not (np.isfinite(rates).all() and (rates > 0).all()):
        raise DataError(
            "E_SCHEDULE",
            "a schedule is one row of positive learning rates, one for each step",
            value=rates.min() if rates.size else None,
            remedy="leave out steps whose learning rate is 0",
        )
    return rates


def _drops(rates: Floats) -> Floats:
    """eta_(i-1) - eta_i at every step, 0 until the end of the warm-up."""
    drops = -np.diff(rates, prepend=rates[0])
    drops[: int(np.argmax(rates)) + 1] = 0.0
    return np.asarray(drops)
