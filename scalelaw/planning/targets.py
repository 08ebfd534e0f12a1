"""What intervals of a plan are about: numbers that follow from a law's parameters through a goal."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals import Target
from scalelaw.planning.goals.base import Goal
from scalelaw.planning.landscape import Landscape
from scalelaw.runs import Floats

KEPT = 8
"""Batches of parameters whose answers are remembered; the targets of one plan ask for the same ones in turn."""


@dataclass
class Answers:
    """N and D of a goal for a batch of parameters, remembered from one target to the next."""

    goal: Goal
    known: dict[bytes, tuple[Floats, Floats]] = field(default_factory=dict)

    def __call__(self, fit: Fit, natural: Floats) -> tuple[Floats, Floats]:
        """N and D, `[b]` each; NaN for a member without an answer."""
        key = natural.tobytes()
        if key not in self.known:
            if len(self.known) >= KEPT:
                del self.known[next(iter(self.known))]
            self.known[key] = self.goal.answers(fit, natural)
        return self.known[key]


@dataclass(frozen=True)
class AtGoal(Target):
    """Something of a goal's answer; NaN for a member of the batch that has none."""

    answers: Answers
    name: ClassVar[str]
    unit: ClassVar[str]

    @property
    def label(self) -> str:
        """What it is."""
        return self.name

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The quantity for each member of `natural[b, p]`, `[b]`."""
        return np.asarray(self.of(fit, natural, *self.answers(fit, natural)), dtype=float)

    @abstractmethod
    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """The quantity from N and D, `[b]` each."""


class Params(AtGoal):
    """N*."""

    name, unit = "N*", "parameters"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """N."""
        return n_params


class Tokens(AtGoal):
    """D*."""

    name, unit = "D*", "tokens"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """D."""
        return n_tokens


class Ratio(AtGoal):
    """Tokens per parameter."""

    name, unit = "D*/N*", "tokens/parameter"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """D / N."""
        return n_tokens / n_params


class Loss(AtGoal):
    """The loss at the answer."""

    name, unit = "loss", "nats/token"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """L at each member's own N and D."""
        held, loss = self.answers.goal.held, np.full(len(natural), np.nan)
        for i in np.flatnonzero(np.isfinite(n_params)):
            loss[i] = np.exp(Landscape(fit.law, natural[i], held).at(n_params[i], n_tokens[i]))
        return loss


class Training(AtGoal):
    """The training compute."""

    name, unit = "training compute", "FLOP"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """6 N D."""
        return 6.0 * n_params * n_tokens


@dataclass(frozen=True)
class Spent(AtGoal):
    """What the answer takes, in the goal's own unit."""

    @property
    def label(self) -> str:
        """What it is."""
        return "spending"

    @property
    def unit(self) -> str:  # type: ignore[override]
        """The goal's."""
        return self.answers.goal.unit

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """The goal's cost."""
        return self.answers.goal.cost(n_params, n_tokens)


@dataclass(frozen=True)
class AtOtherSize(AtGoal):
    """What it costs to train `n_params` instead of each member's own best size, for the same spending `spend`."""

    n_params: float
    spend: float

    def losses(self, fit: Fit, natural: Floats) -> tuple[Floats, Floats]:
        """The log loss of this size and the least one, `[b]` each."""
        goal, n = self.answers.goal, self.n_params
        d = float(goal.tokens(n, self.spend))
        lands = [Landscape(fit.law, member, goal.held) for member in natural]
        here = np.array([land.at(n, d) for land in lands])
        best = np.array([land.at(*goal.best(land, self.spend)) for land in lands])
        return here, best


class LossLost(AtOtherSize):
    """The loss of this size less the least one."""

    name, unit = "loss lost", "nats/token"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """L(N, D(N)) - L*, for the plan's spending."""
        here, best = self.losses(fit, natural)
        return np.asarray(np.exp(here) - np.exp(best))


class Wasted(AtOtherSize):
    """The share of the spending that this size did not need to spend for the loss it finds."""

    name, unit = "share wasted", ""

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """1 - (least spending for that loss) / spending."""
        here, _ = self.losses(fit, natural)
        goal = self.answers.goal
        lands = (Landscape(fit.law, member, goal.held) for member in natural)
        least = [goal.least_spending(land, float(np.exp(loss))) for land, loss in zip(lands, here, strict=True)]
        return 1.0 - np.array(least) / self.spend

