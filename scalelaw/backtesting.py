"""The verbs: fit below a compute threshold, predict the runs above it, and count how often the intervals held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import STARTS, Fit, fit
from scalelaw.intervals import LEVEL, uncertainty
from scalelaw.laws import Law, get_law
from scalelaw.objectives import Objective
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats, RunTable
from scalelaw.sizing import decades_beyond, emphasise, sizes

SHARES = (0.3, 0.2, 0.1)
"""Shares of the runs that a rolling backtest holds out, one cut each."""


@dataclass(frozen=True)
class Backtest:
    """Held-out runs and what a fit to the others said of them.

    Attributes:
        fit: the law fitted to the runs of less compute.
        held_out: the runs of most compute.
        predicted: their predicted losses, nats/token, `[n]`.
        intervals: the prediction interval of each; unavailable where none was asked for.
        level: level of the intervals.
    """

    fit: Fit
    held_out: RunTable
    predicted: Floats
    intervals: tuple[Interval | Unavailable, ...]
    level: float

    @cached_property
    def observed(self) -> Floats:
        """The losses of the held-out runs (or what else the law predicts), `[n]`."""
        return self.fit.law.observed(self.held_out)

    @cached_property
    def errors(self) -> Floats:
        """predicted / observed - 1, `[n]`."""
        return self.predicted / self.observed - 1.0

    @cached_property
    def log_errors(self) -> Floats:
        """ln(predicted / observed), `[n]`."""
        return np.log(self.predicted / self.observed)

    @cached_property
    def decades(self) -> Floats:
        """How far each held-out run lies beyond the largest fitted one, in powers of ten of its size, `[n]`."""
        return decades_beyond(self.fit.runs, self.held_out)

    @property
    def mean_absolute_error(self) -> float:
        """The mean of |predicted / observed - 1|."""
        return float(np.abs(self.errors).mean())

    @property
    def largest_error(self) -> float:
        """The largest of |predicted / observed - 1|."""
        return float(np.abs(self.errors).max())

    @cached_property
    def ends(self) -> Floats:
        """Low and high of each prediction interval, `[n, 2]`; NaN where there is none."""
        pairs = [(i.low, i.high) if isinstance(i, Interval) else (np.nan, np.nan) for i in self.intervals]
        return np.array(pairs, dtype=float).reshape(-1, 2)

    @cached_property
    def held(self) -> NDArray[np.bool_]:
        """Whether each held-out loss lies in its prediction interval, `[n]`; one that has none does not."""
        return np.asarray((self.ends[:, 0] <= self.observed) & (self.observed <= self.ends[:, 1]))

    @property
    def inside(self) -> int:
        """How many held-out losses lie in their prediction intervals."""
        return int(self.held.sum())

    @cached_property
    def widths(self) -> Floats:
        """ln(high / low) of each prediction interval, `[n]`: its sharpness."""
        with np.errstate(divide="ignore"):  # an interval that reaches down to 0 is infinitely wide
            return np.asarray(np.log(self.ends[:, 1]) - np.log(self.ends[:, 0]))

    @cached_property
    def scores(self) -> Floats:
        """The interval score of each prediction interval in log loss, `[n]`; less is better.

        S = (u - l) + 2/a (l - y) [y < l] + 2/a (y - u) [y > u] with a = 1 - level and l, u, y the logs of both ends and
        of the observed loss: the width, and a fine for every miss in proportion to its distance.

        Source: Gneiting & Raftery 2007, eq. 43.
        """
        with np.errstate(divide="ignore"):
            low, high, y = np.log(self.ends[:, 0]), np.log(self.ends[:, 1]), np.log(self.observed)
        fine = 2.0 / (1.0 - self.level)
        return np.asarray(high - low + fine * (np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)))

    @property
    def reach(self) -> float:
        """How far beyond the fitted runs the farthest held-out run lies: the ratio of their sizes (see `sizes`)."""
        return float(sizes(self.held_out).max() / sizes(self.fit.runs).max())


@dataclass(frozen=True, slots=True)
class Distance:
    """What a rolling backtest found between two distances, in decades beyond the cut: errors are of log loss."""

    low: float
    high: float
    predictions: int
    error: float
    coverage: float
    width: float
    score: float


@dataclass(frozen=True)
class RollingBacktest:
    """The same law backtested at several cuts.

    A held-out run may be predicted from several cuts, once at each; predictions farther than `horizon` decades beyond
    a cut are left out.
    """

    cuts: tuple[Backtest, ...]
    horizon: float = np.inf

    def _gather(self, of: Callable[[Backtest], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([of(cut)[cut.decades <= self.horizon] for cut in self.cuts])

    @cached_property
    def decades(self) -> Floats:
        """Distance of every prediction beyond its cut, `[predictions]`."""
        return self._gather(lambda cut: cut.decades)

    @cached_property
    def log_errors(self) -> Floats:
        """ln(predicted / observed) of every prediction."""
        return self._gather(lambda cut: cut.log_errors)

    @property
    def error(self) -> float:
        """Root mean square of the log errors, every cut counting alike."""
        squares = [np.mean(cut.log_errors[cut.decades <= self.horizon] ** 2) for cut in self.cuts]
        return float(np.sqrt(np.mean(squares)))

    @property
    def coverage(self) -> float:
        """The share of predictions whose interval held."""
        return float(self._gather(lambda cut: cut.held).mean())

    @property
    def width(self) -> float:
        """Mean ln(high / low) of the prediction intervals: sharpness, less is sharper."""
        return _mean(self._gather(lambda cut: cut.widths))

    @property
    def score(self) -> float:
        """Mean interval score in log loss (see `Backtest.scores`)."""
        return _mean(self._gather(lambda cut: cut.scores))

    def by_distance(self, edges: Sequence[float] = (0.0, 0.25, 0.5, 1.0, 2.0, np.inf)) -> tuple[Distance, ...]:
        """Error, coverage, sharpness and score by decades beyond the cut; empty ranges are left out."""
        held, widths, scores = (
            self._gather(lambda cut: cut.held),
            self._gather(lambda cut: cut.widths),
            self._gather(lambda cut: cut.scores),
        )
        rows = []
        for low, high in pairwise(edges):
            here = (self.decades >= low) & (self.decades < high)
            if here.any():
                error = float(np.sqrt(np.mean(self.log_errors[here] ** 2)))
                values = float(held[here].mean()), _mean(widths[here]), _mean(scores[here])
                rows.append(Distance(low, high, int(here.sum()), error, *values))
        return tuple(rows)


def _mean(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def backtest(
    law: str | Law,
    runs: RunTable,
    objective: str | Objective = "auto",
    *,
    share: float = 1 / 3,
    level: float = LEVEL,
    method: str | None = "auto",
    replicates: int = 1000,
    emphasis: float = 1.0,
    starts: int = STARTS,
    seed: int = 0,
    workers: int = 1,
) -> Backtest:
    """Hold out the `share` of the runs with the most compute (6 N D), fit the rest, predict the held out.

    Args:
        method: how the prediction intervals are made, a name that `uncertainty` knows; None makes none.
        emphasis: how many times the largest fitted run weighs the smallest (see `emphasise`).

    Raises:
        UsageError: for a share outside (0, 1).
        DataError: where the rest cannot determine the law.
    """
    if not 0 < share < 1:
        raise UsageError(f"The share held out lies between 0 and 1; found {share}.")
    law = get_law(law)
    largest = np.zeros(len(runs), dtype=bool)
    largest[np.argsort(sizes(runs), kind="stable")[len(runs) - round(share * len(runs)) :]] = True
    rest = runs.where(~largest, f"held out: largest {share:.3g} by compute")
    fitted = fit(law, emphasise(rest, emphasis), objective, starts=starts, seed=seed)
    held_out = runs.where(largest)
    inputs = law.read(held_out)
    predicted = law.predict(fitted.natural[None], inputs)[0]
    named = [dict(zip(law.inputs, map(float, row), strict=True)) for row in inputs]
    if method is None:
        intervals: tuple[Interval | Unavailable, ...] = (Unavailable("loss", "no intervals were asked for"),) * len(
            named
        )
    else:
        known = uncertainty(fitted, method, replicates=replicates, seed=seed, workers=workers)
        intervals = tuple(known.prediction_interval(level=level, **row) for row in named)
    return Backtest(fitted, held_out, predicted, intervals, level)


def rolling_backtest(
    law: str | Law,
    runs: RunTable,
    objective: str | Objective = "auto",
    *,
    shares: Sequence[float] = SHARES,
    horizon: float = np.inf,
    level: float = LEVEL,
    method: str | None = "wald",
    replicates: int = 200,
    emphasis: float = 1.0,
    starts: int = STARTS,
    seed: int = 0,
    workers: int = 1,
) -> RollingBacktest:
    """Backtest a law at several cuts: at each of the `shares`, fit the smaller runs and predict every larger one.

    Args:
        horizon: predictions farther than this beyond a cut, in decades of size, are left out.
        method, emphasis: see `backtest`; `wald` needs no refits.

    A cut at which the smaller runs cannot determine the law is passed over.

    Raises:
        DataError: where no cut is left, with the reason at the cut that holds out least.
    """
    cuts = []
    refusal = DataError("E_TOO_FEW", f"{len(runs)} runs are too few to hold any out", remedy="add runs")
    for share in sorted(shares, reverse=True):
        if round(share * len(runs)) < 1:
            continue
        try:
            cut = backtest(
                law,
                runs,
                objective,
                share=share,
                level=level,
                method=method,
                replicates=replicates,
                emphasis=emphasis,
                starts=starts,
                seed=seed,
                workers=workers,
            )
        except DataError as error:
            refusal = error
        else:
            if (cut.decades <= horizon).any():
                cuts.append(cut)
    if not cuts:
        raise refusal
    return RollingBacktest(tuple(cuts), horizon)
