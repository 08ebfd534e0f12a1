"""What a goal is: a measure of spending, and either how much may be spent or which loss is wanted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import Fit
from scalelaw.numbers import format_quantity
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.searching import crossing, last_finite, least
from scalelaw.runs import Floats

HUGE, TINY = 1e60, 1e-15
"""Spendings (the first a number of tokens too) that stand for an infinite one and for none."""
ROUGH = 1e-7
"""How well ln N is known where only the loss counts, which is off by the square of that."""

Pair = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Goal(ABC):
    """A question that N and D answer: the least loss that some spending buys, or the least spending for some loss.

    A subclass says what N and D cost (`cost`) and how many tokens a spending leaves for a size (`tokens`); how to find
    the best N and D from these is the same for all.

    Attributes:
        spend: what may be spent, in `unit`; None where a loss is asked for.
        loss: the loss wanted, nats/token; None where the spending is given. One of the two is given.
        held: other inputs of the law, by name: unique tokens, a data set, bits of precision.
    """

    spend: float | None = None
    loss: float | None = None
    held: Mapping[str, float | str] = field(default_factory=dict)
    unit: ClassVar[str] = "FLOP"
    column: ClassVar[str] = "budget_flops"
    """What errors call the spending."""
    balances: ClassVar[bool] = True
    """Whether N and D are both free; else one of them is given and there is nothing to balance."""

    def __post_init__(self) -> None:
        if (self.spend is None) == (self.loss is None):
            raise UsageError("A plan needs either something to spend or a loss to reach, one of them.")
        if self.loss is None:
            most = f"a budget must be a positive number of {self.unit}, {HUGE:g} at most"
            require_positive(self.spend, self.column, most, "1e21", HUGE)
        else:
            require_positive(self.loss, "target_loss", "a loss to reach must be a positive number of nats/token", "2.1")

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The question in words, with its numbers and units."""

    @abstractmethod
    def cost(self, n_params: ArrayLike, n_tokens: ArrayLike) -> Floats:
        """What N parameters trained on D tokens take, in `unit`; it grows with both."""

    @abstractmethod
    def tokens(self, n_params: ArrayLike, spend: float) -> Floats:
        """The D for which N parameters cost `spend`; not positive where they cost more before the first token."""

    def answers(self, fit: Fit, natural: Floats) -> tuple[Floats, Floats]:
        """N and D, `[b]` each, for every member of `natural[b, p]`; NaN for one under which there are none."""
        found = np.full((len(natural), 2), np.nan)
        near = None
        for i, member in enumerate(natural):
            found[i] = self.answer(Landscape(fit.law, member, self.held), near)
            near = (float(found[i, 0]), float(found[i, 1])) if np.isfinite(found[i]).all() else near
        return found[:, 0], found[:, 1]

    def answer(self, landscape: Landscape, near: Pair | None = None) -> Pair:
        """N and D for one vector of parameters, `near` a guess of them; NaN where there are none."""
        size = None if near is None else near[0]
        if self.spend is not None:
            return self.best(landscape, self.spend, size)
        spend = self.least_spending(landscape, self.loss or math.nan, near)
        return self.best(landscape, spend, size) if math.isfinite(spend) else (math.nan, math.nan)

    def best(self, landscape: Landscape, spend: float, near: float | None = None, xtol: float = 1e-12) -> Pair:
        """The N and D of least loss that a spending buys, ln N to `xtol`; NaN where none is inside the positives."""
        guess = None if near is None or not near > 0 else math.log(near)
        log_N = least(lambda x: landscape.log_loss(np.exp(x), self.tokens(np.exp(x), spend)), guess, xtol)
        n_params = math.exp(log_N)
        return n_params, float(self.tokens(n_params, spend))

    def least_spending(self, landscape: Landscape, loss: float, near: Pair | None = None) -> float:
        """The spending whose best loss is `loss`, `near` a guess of N and D there; NaN where none buys it."""
        size = None if near is None else near[0]
        guess = None if near is None else math.log(float(self.cost(*near)))

        @cache  # the guess of the size moves on: asked again, a law of several minima might answer otherwise
        def gap(log_spend: float) -> float:
            nonlocal size
            best = self.best(landscape, math.exp(log_spend), size, ROUGH)
            size = best[0] if math.isfinite(best[0]) else size
            return landscape.at(*best) - math.log(loss)

        return math.exp(crossing(gap, math.log(HUGE), math.log(TINY), guess))

    @property
    def most_tokens(self) -> float:
        """The most tokens there are."""
        return math.inf

    @property
    def given(self) -> Mapping[str, float]:
        """What the goal itself sets, by the names of a plan: it is exact, whatever the law."""
        return {"loss": self.loss} if self.loss is not None else {"spent": self.spend or math.nan}

    def floor(self, landscape: Landscape) -> float:
        """The loss that no spending goes below, nats/token."""

        def log_loss(log_spend: float) -> float:
            return landscape.at(*self.best(landscape, math.exp(log_spend)))

        return math.exp(log_loss(last_finite(log_loss, math.log(HUGE), math.log(TINY))))

    def check(self, fit: Fit) -> None:
        """Raise where the law has no answer at all: no trade-off between N and D, or an input that is not given."""
        if not {"n_params", "n_tokens"} <= set(fit.law.inputs):
            fit.law.optimum(fit.natural[None], 1e18)
        missing = [name for name in fit.law.inputs if name not in ("n_params", "n_tokens", *self.held)]
        unknown = [name for name in self.held if name not in fit.law.inputs]
        if missing or unknown:
            what = f"needs {', '.join(missing)} as well" if missing else f"has no input {unknown[0]!r}"
            raise UsageError(f"The law {fit.law.label} {what}. Next: --at NAME=VALUE names its inputs beside N and D.")

    @property
    def wanted(self) -> str:
        """What is wanted for what, in words."""
        if self.spend is not None:
            return f"the least loss for {self.spend:.4g} {self.unit}"
        return f"the least {self.unit} for a loss of {self.loss:.6g} nats/token"


@dataclass(frozen=True, kw_only=True)
class TrainingGoal(Goal):
    """A goal that counts the training compute C = 6 N D, in FLOP."""

    @property
    def given(self) -> Mapping[str, float]:
        """A budget is the training compute too."""
        return super().given if self.spend is None else {"spent": self.spend, "training": self.spend}

    def cost(self, n_params: ArrayLike, n_tokens: ArrayLike) -> Floats:
        """6 N D."""
        return np.asarray(6.0 * np.asarray(n_params, dtype=float) * np.asarray(n_tokens, dtype=float))

    def tokens(self, n_params: ArrayLike, spend: float) -> Floats:
        """C / (6 N)."""
        return np.asarray(spend / 6.0 / np.asarray(n_params, dtype=float))


def require_positive(
    value: float | None, column: str, expected: str, example: str = "20B", most: float = math.inf
) -> None:
    """Raise `DataError` where a value is no positive finite number, or is above the `most`."""
    if value is None or not (math.isfinite(value) and 0 < value <= most):
        remedy = f"give a number above 0, such as {example}"
        raise DataError("E_NOT_POSITIVE", expected, column=column, value=value, remedy=remedy)


def count(value: float) -> str:
    """A number of parameters or tokens for a sentence."""
    return format_quantity(value, digits=4)
