"""What intervals of a plan are about: numbers that follow from a law's parameters through a goal."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals import Target
from scalelaw.planning.goals.base import HUGE, Goal, Pair
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.searching import crossing
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
    """The root of what it costs to train `n_params` instead of each member's own best size; negative: too small.

    Costs grow with the square of the distance from the best size, so their signed roots follow parameters evenly where
    the costs themselves are nowhere near normal: an interval made of roots and squared may begin at 0.
    """

    n_params: float
    positive = False

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """The signed root, `[b]`; NaN for a member under which this size cannot be trained so."""
        goal, roots = self.answers.goal, np.full(len(natural), np.nan)
        for i, member in enumerate(natural):
            landscape = Landscape(fit.law, member, goal.held)
            best = (float(n_params[i]), float(n_tokens[i]))
            cost = self.quantity(goal, landscape, at_size(goal, landscape, self.n_params, best[1]), best)
            if math.isfinite(cost):
                roots[i] = math.copysign(math.sqrt(max(cost, 0.0)), self.n_params - n_params[i])
        return roots

    @abstractmethod
    def quantity(self, goal: Goal, landscape: Landscape, here: Trained, best: Pair) -> float:
        """The cost, of which the root is taken, of training so instead of what answers the goal."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A size trained in a goal's way: tokens, loss in nats/token, spending in the goal's unit; NaN where it cannot."""

    n_tokens: float
    loss: float
    spend: float


def at_size(goal: Goal, landscape: Landscape, n_params: float, near: float | None = None) -> Trained:
    """A size trained for what it can use of the goal's spending, or until it has the goal's loss; `near` guesses D."""
    if goal.loss is None:
        n_tokens = float(goal.tokens(n_params, goal.spend or math.nan))
    else:
        n_tokens = tokens_to(goal, landscape, n_params, math.log(goal.loss), near)
    if not n_tokens > 0:
        return Trained(math.nan, math.nan, math.nan)
    # Where tokens are capped a smaller size cannot spend all there is.
    return Trained(n_tokens, math.exp(landscape.at(n_params, n_tokens)), float(goal.cost(n_params, n_tokens)))


def tokens_to(goal: Goal, landscape: Landscape, n_params: float, log_loss: float, near: float | None = None) -> float:
    """The tokens after which a size has a loss; NaN where it never has, or not within the goal's most tokens."""
    most = math.log(min(goal.most_tokens, HUGE))
    guess = math.log(near) if near is not None and 0 < near < goal.most_tokens / 2 else None
    return math.exp(crossing(lambda x: landscape.at(n_params, math.exp(x)) - log_loss, most, 0.0, guess))


class LossLost(AtOtherSize):
    """The loss of this size less the least one for as much spending."""

    name, unit = "loss lost", "nats/token"

    def quantity(self, goal: Goal, landscape: Landscape, here: Trained, best: Pair) -> float:
        """L - L*."""
        like = best if goal.loss is None or math.isnan(here.spend) else goal.best(landscape, here.spend, best[0])
        return here.loss - math.exp(landscape.at(*like))


class Wasted(AtOtherSize):
    """The logarithm of how many times the spending is what the best size would need for the loss this one finds.

    It grows with the square of the distance as `LossLost` does; the share wasted is 1 - e^-x of it.
    """

    name, unit = "share wasted", ""

    def quantity(self, goal: Goal, landscape: Landscape, here: Trained, best: Pair) -> float:
        """ln(spending / least spending for that loss)."""
        needed = float(goal.cost(*best)) if goal.loss else goal.least_spending(landscape, here.loss, best)
        return math.log(here.spend / needed) if needed > 0 else math.nan
