"""Only so many distinct tokens: the optimum under a law of repeated data, or under a cap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.laws import Law
from scalelaw.planning.goals.base import Pair, TrainingGoal, count, require_positive
from scalelaw.planning.goals.budget import Budget
from scalelaw.planning.landscape import Landscape
from scalelaw.runs import Floats

COLUMN = "unique_tokens"


@dataclass(frozen=True, kw_only=True)
class DataLimited(TrainingGoal):
    """min L(N, D) subject to 6 N D = C and D <= epochs x U; or the least C for a loss under that cap.

    A law with the input `unique_tokens`, such as `data_constrained`, says what a repeated token is worth, and U enters
    it (Muennighoff et al. 2023, arXiv 2305.16264). Of any other law U is a cap: it takes a token seen again for a new
    one, which holds about as long as the user says by `epochs`.

    Attributes:
        unique_tokens: U. epochs: passes over them at most; infinite where the law itself knows repetition.
    """

    unique_tokens: float
    epochs: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self.unique_tokens, "unique_tokens", "unique tokens must be a positive number")
        if not self.epochs > 0:
            require_positive(self.epochs, "epochs", "epochs must be a positive number", "4")

    @property
    def most_tokens(self) -> float:
        """The cap on D."""
        return self.epochs * self.unique_tokens

    @property
    def uncapped(self) -> Budget:
        """The same budget without the cap."""
        return Budget(spend=self.spend, loss=self.loss, held=self.held)

    def limits(self) -> Mapping[str, tuple[float, float]]:
        """Where the cap keeps N, D and D/N for a budget C: D <= cap, so N >= C / (6 cap)."""
        cap = self.most_tokens
        least = (self.spend or math.nan) / 6.0 / cap
        return {"n_params": (least, math.inf), "n_tokens": (0.0, cap), "tokens_per_param": (0.0, cap / least)}

    @property
    def knows_repeats(self) -> bool:
        """Whether the law is told of U."""
        return COLUMN in self.held

    @property
    def sentence(self) -> str:
        """The question with its numbers, and which way the limit enters."""
        most = f"at most {self.epochs:g} epoch{'s' * (self.epochs != 1)}"
        cap = most if math.isfinite(self.epochs) else "any number of epochs"
        how = "repeats valued by the law" if self.knows_repeats else "a hard cap: the law knows nothing of repeats"
        return f"{self.wanted}, C = 6 N D, from {count(self.unique_tokens)} unique tokens, {cap} ({how})"

    def tokens(self, n_params: ArrayLike, spend: float) -> Floats:
        """C / (6 N), or the cap."""
        return np.minimum(super().tokens(n_params, spend), self.most_tokens)

    def best(self, landscape: Landscape, spend: float, near: float | None = None, xtol: float = 1e-12) -> Pair:
        """The optimum without the cap, or the largest model that the cap leaves the budget for."""
        n_params, n_tokens = self.uncapped.best(landscape, spend, near, xtol)
        if n_tokens > self.most_tokens:
            return spend / 6.0 / self.most_tokens, self.most_tokens
        return n_params, n_tokens


def data_limited(
    law: Law,
    unique_tokens: float,
    epochs: float | None = None,
    *,
    spend: float | None = None,
    loss: float | None = None,
    held: Mapping[str, float | str] | None = None,
) -> DataLimited:
    """The goal for a law: repetition is left to a law that knows it, else one epoch unless the user allows more."""
    knows = COLUMN in law.inputs
    return DataLimited(
        unique_tokens=unique_tokens,
        epochs=(math.inf if knows else 1.0) if epochs is None else epochs,
        spend=spend,
        loss=loss,
        held={**(held or {}), **({COLUMN: unique_tokens} if knows else {})},
    )
