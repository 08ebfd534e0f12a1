"""What a plan is: the answer to a goal, with its intervals, its bill and the cost of being wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from scalelaw.fitting import Fit
from scalelaw.hardware import Cluster
from scalelaw.results import Finding, Interval, Unavailable
from scalelaw.runs import Floats

if TYPE_CHECKING:
    from scalelaw.planning.goals.base import Goal

Answer = Interval | Unavailable


@dataclass(frozen=True, slots=True)
class Band:
    """The sizes whose loss, at the same spending, is within a share `excess` of the best."""

    excess: float
    n_params_low: float
    n_params_high: float

    @property
    def factor(self) -> float:
        """How many times larger its largest model is than its smallest; infinite where there is no smallest."""
        return self.n_params_high / self.n_params_low if self.n_params_low > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Reach:
    """How far beyond the runs a plan goes, in decades (powers of ten) above the largest; negative is inside."""

    flops: float
    n_params: float
    n_tokens: float

    @property
    def farthest(self) -> float:
        """The largest of the three."""
        return max(self.flops, self.n_params, self.n_tokens)


@dataclass(frozen=True, slots=True)
class Cost:
    """What it costs to train another size than the best one, under the fitted law.

    A size is trained for the plan's spending, or where a loss is the goal until it has that loss.

    Attributes:
        what: the size in words, such as `twice the size`.
        n_params, n_tokens: that size and its tokens; NaN where no training of it will do.
        loss: the law's loss there, nats/token.
        loss_lost: that loss less the least one for as much spending, nats/token, with its interval.
        extra: what this size needs beyond the plan's spending to reach the plan's loss, in the goal's unit; infinite
            where it never does.
        wasted: the share of its spending that was not needed: its loss is to be had for 1 - wasted of it.
        money: that share of its bill, in USD; None where no price is known.
    """

    what: str
    n_params: float
    n_tokens: float
    loss: float
    loss_lost: Answer
    extra: float
    wasted: Answer
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What the training takes on a cluster: an interval where it follows from an estimate, else a plain number.

    Attributes:
        device_hours: hours of one device. days: of the whole cluster. money: in `currency`.
        price_note: what the hourly price is.
    """

    device_hours: Answer | float
    days: Answer | float
    money: Answer | float
    currency: str
    price_note: str


@dataclass(frozen=True, slots=True)
class Variant:
    """The plan were one assumption another: what is assumed, and the answer then, under the fitted law."""

    assumed: str
    n_params: float
    n_tokens: float
    loss: float
    flops: float
    days: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Road:
    """N and D at the plan's budget by one approach of Hoffmann et al. 2022; `number` is 1, 2 or 3."""

    number: int
    approach: str
    n_params: Answer
    n_tokens: Answer


@dataclass(frozen=True)
class Plan:
    """The N and D that answer a goal under a fitted law.

    Attributes:
        fit: the law and the runs behind the plan.
        goal: what was asked; `goal.sentence` says it.
        flops: training compute 6 N D of the plan, FLOP: the budget itself where that was given.
        n_params, n_tokens: N* and D*, parameters (as the table counts them) and tokens, with confidence intervals; one
            that the goal fixes has an interval of no width.
        tokens_per_param: D*/N*.
        loss: the law's loss there, nats/token, with the confidence interval of the law; of no width where it was asked.
        training: the training compute 6 N* D* with its interval, of no width where it was given.
        spent: the goal's own measure of what it takes (FLOP of training and serving, seconds), with its interval.
        new_run: the loss of a new run of the planned N and D with its prediction interval, were the law true out there.
        extrapolated: the same, widened by how far the law drifted from the largest runs when they were held out.
        bands: the range of N within 0.1 % and 1 % of the best loss at the same spending; empty where N is given.
        reach: decades beyond the runs.
        findings: what to beware of.
        costs: what other sizes cost; empty where N is given.
        cluster, bill: the hardware and what training takes on it; None where it is not known.
        variants: the answer under other assumptions, such as another utilisation.
        roads: approaches 1, 2 and 3 at this budget, where they were asked for or could all be made.
    """

    fit: Fit
    flops: float
    n_params: Answer
    n_tokens: Answer
    tokens_per_param: Answer
    loss: Answer
    new_run: Answer
    extrapolated: Answer
    bands: tuple[Band, ...]
    reach: Reach
    findings: tuple[Finding, ...]
    goal: Goal
    training: Answer
    spent: Answer
    costs: tuple[Cost, ...] = ()
    cluster: Cluster | None = None
    bill: Bill | None = None
    variants: tuple[Variant, ...] = ()
    roads: tuple[Road, ...] = ()

    @property
    def inputs(self) -> Mapping[str, float | str]:
        """What the law is evaluated at: N*, D* and whatever the goal holds fixed, by name."""
        size = {"n_params": _estimate(self.n_params), "n_tokens": _estimate(self.n_tokens)}
        return {**size, **self.goal.held}

    def tokens_for(self, n_params: ArrayLike) -> Floats:
        """The tokens that the plan's spending buys at other sizes, not positive where a size alone costs more."""
        return self.goal.tokens(n_params, _estimate(self.spent))

    def loss_for(self, n_params: ArrayLike) -> Floats:
        """The law's loss at other sizes for the plan's spending, nats/token."""
        at = {"n_params": n_params, "n_tokens": self.tokens_for(n_params), **self.goal.held}
        return self.fit.predict(**at)


def _estimate(answer: Answer) -> float:
    return answer.estimate if isinstance(answer, Interval) else float("nan")
