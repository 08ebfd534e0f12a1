"""What a plan is: the compute-optimal allocation of a budget, with its intervals and its price of being wrong."""

from __future__ import annotations

from dataclasses import dataclass

from scalelaw.fitting import Fit
from scalelaw.results import Finding, Interval, Unavailable


@dataclass(frozen=True, slots=True)
class Band:
    """The sizes whose loss, at the same budget, is within a share `excess` of the best."""

    excess: float
    n_params_low: float
    n_params_high: float

    @property
    def factor(self) -> float:
        """How many times larger its largest model is than its smallest."""
        return self.n_params_high / self.n_params_low


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


@dataclass(frozen=True)
class Plan:
    """The compute-optimal allocation of `flops` = 6 N D under a fitted law.

    Attributes:
        fit: the law and the runs behind the plan.
        flops: the budget, FLOP.
        n_params, n_tokens: N* and D*, parameters (as the table counts them) and tokens, with confidence intervals.
        tokens_per_param: D*/N*.
        loss: the law's loss there, nats/token, with the confidence interval of the law.
        new_run: the same loss with the prediction interval of one new run, were the law true out there.
        extrapolated: the same, widened by how far the law drifted from the largest runs when they were held out.
        bands: the range of N within 0.1 % and 1 % of the best loss.
        reach: decades beyond the runs.
        findings: what to beware of.
    """

    fit: Fit
    flops: float
    n_params: Interval | Unavailable
    n_tokens: Interval | Unavailable
    tokens_per_param: Interval | Unavailable
    loss: Interval | Unavailable
    new_run: Interval | Unavailable
    extrapolated: Interval | Unavailable
    bands: tuple[Band, ...]
    reach: Reach
    findings: tuple[Finding, ...]
