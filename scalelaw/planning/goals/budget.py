"""Spend a training budget, or reach a loss with the least of it: the question Hoffmann et al. asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.planning.goals.base import Pair, TrainingGoal
from scalelaw.planning.landscape import Landscape


@dataclass(frozen=True, kw_only=True)
class Budget(TrainingGoal):
    """min L(N, D) subject to 6 N D = C; or, for a loss l, the least C that reaches it, min 6 N D subject to L = l.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, eq. 4.
    """

    @property
    def sentence(self) -> str:
        """The question with its numbers."""
        return f"{self.wanted}, C = 6 N D"

    def best(self, landscape: Landscape, spend: float, near: float | None = None, xtol: float = 1e-12) -> Pair:
        """By the law's own optimum, where it is a law of N and D alone."""
        if not landscape.plain:
            return super().best(landscape, spend, near, xtol)
        with np.errstate(all="ignore"):
            n_params, n_tokens = landscape.law.optimum(landscape.natural[None], spend)
        return float(n_params[0]), float(n_tokens[0])
