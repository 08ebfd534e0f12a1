"""One of the two is given: how many tokens for this size, or which size for these tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from scalelaw.planning.goals.base import Pair, TrainingGoal, count, require_positive
from scalelaw.planning.landscape import Landscape


@dataclass(frozen=True, kw_only=True)
class FixedParams(TrainingGoal):
    """D of a model of N parameters: D = C / (6 N), or the D for which L(N, D) is the loss wanted."""

    n_params: float
    balances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self.n_params, "n_params", "a model must have a positive number of parameters")

    @property
    def given(self) -> Mapping[str, float]:
        """N, and with a budget the tokens too."""
        both = {} if self.spend is None else _both(self.n_params, self.spend / 6.0 / self.n_params)
        return {**super().given, "n_params": self.n_params, **both}

    @property
    def sentence(self) -> str:
        """The question with its numbers."""
        return f"{self.wanted} with a model of {count(self.n_params)} parameters"

    def best(self, landscape: Landscape, spend: float, near: float | None = None, xtol: float = 1e-12) -> Pair:
        """That size and the tokens its budget buys."""
        return self.n_params, spend / 6.0 / self.n_params


@dataclass(frozen=True, kw_only=True)
class FixedTokens(TrainingGoal):
    """N of a model trained on D tokens: N = C / (6 D), or the N for which L(N, D) is the loss wanted."""

    n_tokens: float
    balances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self.n_tokens, "n_tokens", "a training must have a positive number of tokens")

    @property
    def given(self) -> Mapping[str, float]:
        """D, and with a budget the size too."""
        both = {} if self.spend is None else _both(self.spend / 6.0 / self.n_tokens, self.n_tokens)
        return {**super().given, "n_tokens": self.n_tokens, **both}

    @property
    def sentence(self) -> str:
        """The question with its numbers."""
        return f"{self.wanted} on {count(self.n_tokens)} tokens"

    def best(self, landscape: Landscape, spend: float, near: float | None = None, xtol: float = 1e-12) -> Pair:
        """The size that the budget buys for these tokens."""
        return spend / 6.0 / self.n_tokens, self.n_tokens


def _both(n_params: float, n_tokens: float) -> Mapping[str, float]:
    return {"n_params": n_params, "n_tokens": n_tokens, "tokens_per_param": n_tokens / n_params}
