"""Train and serve: a model that will answer for long is worth making smaller and training longer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.planning.goals.base import Goal, Pair, count, require_positive
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.searching import least
from scalelaw.runs import Floats


@dataclass(frozen=True, kw_only=True)
class Serving(Goal):
    """min 6 N D + 2 w N S subject to L(N, D) = l; or the least loss for that total.

    Attributes:
        served_tokens: S, tokens read and written over the model's life.
        weight: w, what a FLOP of serving costs in FLOPs of training: 1 where only FLOPs count, else the ratio of their
            prices over peak x MFU.

    Source: Sardana et al. 2023, arXiv 2401.00448, eq. 2 (w = 1) and section 4.
    """

    served_tokens: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self.served_tokens, "served_tokens", "tokens to serve must be a positive number")
        require_positive(self.weight, "serving_weight", "the price of serving over that of training must be positive")

    @property
    def sentence(self) -> str:
        """The question with its numbers."""
        weighted = "" if self.weight == 1.0 else f", a FLOP of serving counting as {self.weight:.3g} of training"
        return f"{self.wanted}, training (6 N D) and serving {count(self.served_tokens)} tokens (2 N S){weighted}"

    def cost(self, n_params: ArrayLike, n_tokens: ArrayLike) -> Floats:
        """6 N D + 2 w N S."""
        N, D = np.asarray(n_params, dtype=float), np.asarray(n_tokens, dtype=float)
        return np.asarray(6.0 * N * D + self.serving(N))

    def serving(self, n_params: ArrayLike) -> Floats:
        """2 w N S."""
        return np.asarray(2.0 * self.weight * np.asarray(n_params, dtype=float) * self.served_tokens)

    def tokens(self, n_params: ArrayLike, spend: float) -> Floats:
        """D = C / (6 N) - w S / 3."""
        return np.asarray(spend / 6.0 / np.asarray(n_params, dtype=float) - self.weight * self.served_tokens / 3.0)

    def best(self, landscape: Landscape, spend: float, near: float | None = None, xtol: float = 1e-12) -> Pair:
        """Sought along D, with N = C / (6 D + 2 w S): along N all would end at the size that serving alone pays for,
        to which the best is close where serving is most of the cost.
        """
        n_tokens = 0.0 if near is None else float(self.tokens(near, spend))
        guess = math.log(n_tokens) if n_tokens > 0 else None
        serving = self.serving(1.0)
        log_D = least(lambda x: landscape.log_loss(spend / (6.0 * np.exp(x) + serving), np.exp(x)), guess, xtol)
        n_tokens = math.exp(log_D)
        return float(spend / (6.0 * n_tokens + serving)), n_tokens
