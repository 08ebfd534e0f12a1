"""The runs a design may choose from: a grid of compute by tokens per parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.laws.base import Floats

COSTS, RATIOS = 20, 31
"""Levels of compute and of D/N: 620 candidates."""


@dataclass(frozen=True)
class Candidates:
    """`n_params[j]` and `n_tokens[j]` of runs that could be made."""

    n_params: Floats
    n_tokens: Floats

    @property
    def flops(self) -> Floats:
        """6 N D, FLOP, `[j]`."""
        return 6.0 * self.n_params * self.n_tokens

    @property
    def log_points(self) -> Floats:
        """(ln N, ln D), `[j, 2]`."""
        return np.log(np.stack([self.n_params, self.n_tokens], axis=1))


def candidates(smallest: float, largest: float, ratios: tuple[float, float]) -> Candidates:
    """Every pair of 6 N D between `smallest` and `largest` FLOP and D/N between `ratios`, both evenly in the log."""
    flops, ratio = (grid.ravel() for grid in np.meshgrid(_even(smallest, largest, COSTS), _even(*ratios, RATIOS)))
    n_params = np.sqrt(flops / 6.0 / ratio)
    return Candidates(n_params, n_params * ratio)


def _even(low: float, high: float, count: int) -> Floats:
    return np.geomspace(low, high, count) if high > low else np.array([low])
