"""How far off is a law beyond its runs, over and above what its intervals say? Asked of the largest runs there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from scalelaw.backtesting import Backtest, rolling_backtest
from scalelaw.errors import DataError
from scalelaw.fitting import Fit
from scalelaw.intervals import LEVEL, Target, Uncertainty, uncertainty
from scalelaw.results import Finding, Interval, Unavailable
from scalelaw.runs import Floats, RunTable
from scalelaw.sizing import asked, decades_beyond

SHARES = (0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
"""Shares of the runs held out, one cut each: the deeper a cut, the farther beyond it a bend has had time to show."""
PRIOR, FREEDOM = 0.005, 4
"""The prior of the discrepancy, in log loss per decade: half a Student's t of this scale and freedom, which leaves room
for laws that are badly off."""
FAR = 2.0
"""Decades beyond the largest run from which a prediction comes with a warning."""
STARTS = 16
GRID = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 600)])
"""Discrepancies weighed against one another, in units of `PRIOR`."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One cut: the slope of the held-out log errors over decades beyond it, and the standard error that parameter
    uncertainty and noise give such a slope when the law is true.
    """

    reach: float
    runs: int
    slope: float
    error: float


@dataclass(frozen=True)
class Discrepancy:
    """The standard deviation of a law's log error beyond its runs that neither its parameters nor noise explain.

    It grows in proportion to the distance: sd of ln L at d decades of size beyond the largest run = `per_decade` d.
    """

    per_decade: float
    drifts: tuple[Drift, ...]

    def at(self, decades: float) -> float:
        """Standard deviation of ln L that far beyond the largest run; 0 within the runs."""
        return self.per_decade * max(float(decades), 0.0)

    @property
    def reach(self) -> float:
        """The farthest, in decades, that a held-out run lay beyond a cut."""
        return max(drift.reach for drift in self.drifts)

    @property
    def sentence(self) -> str:
        """What was found, for tables and reports."""
        return str(self)

    def __str__(self) -> str:
        return (
            f"model discrepancy {100 * self.per_decade:.2g} % of the loss (one standard deviation) per decade beyond "
            f"the largest run, from {len(self.drifts)} backtests reaching {self.reach:.2g} decades"
        )


def discrepancy(fit: Fit, *, shares: Sequence[float] = SHARES, seed: int = 0) -> Discrepancy | Unavailable:
    """Hold out the largest runs at several cuts and measure by how much more they miss than they should.

    At each cut the law is fitted to the smaller runs under the fit's own objective. The log errors e_i of the larger
    ones at distances d_i decades have the slope b = sum d_i e_i / sum d_i^2; the law's parameters (by the delta method)
    and the scatter of a run give it a standard error s. Slopes are taken to follow N(0, s^2 + v^2), v the discrepancy
    per decade under a weak prior (`PRIOR`); the root mean square of v under its posterior is reported. A law that is
    wrong by a bend gains and loses little within its runs but drifts beyond them, nearly in proportion to d.

    `Unavailable` where fewer than two cuts can be fitted.
    """
    try:
        cuts = rolling_backtest(
            fit.law, fit.runs, fit.objective, shares=shares, method=None, starts=STARTS, seed=seed
        ).cuts
    except DataError as error:
        return Unavailable("model discrepancy", error.problem)
    drifts = tuple(
        drift for drift in (_drift(cut) for cut in cuts if cut.decades.max() > 0) if math.isfinite(drift.error)
    )
    if len(drifts) < 2:
        return Unavailable(
            "model discrepancy", f"{len(drifts)} of the cuts at {', '.join(map(str, shares))} can be fitted; 2 needed"
        )
    return Discrepancy(_spread(drifts), drifts)


EXACT = 1e-12
"""The least error of a slope, per decade: runs without noise have none, and rounding is larger."""


@dataclass(frozen=True)
class _Slope(Target):
    """The slope that errors of log loss would have if a law were wrong by as much: sum of pull_i ln L_i."""

    runs: RunTable
    pull: Floats
    label = "slope of the log error"
    unit = "per decade"
    positive = False

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The sum for each member of `natural[b, p]`, `[b]`."""
        return np.asarray(np.log(fit.law.predict(natural, fit.law.read(self.runs))) @ self.pull)


def _drift(cut: Backtest) -> Drift:
    """The slope of a cut's log errors, and its standard error under a true law."""
    pull = np.maximum(cut.decades, 0.0)
    pull = pull / (pull**2).sum()
    parameters = uncertainty(cut.fit, "wald").standard_error(_Slope(cut.held_out, pull))
    # Runs of a group may share all their noise.
    which = np.unique(cut.held_out.group, return_inverse=True)[1]
    noise = _scatter(cut.fit) * float(np.linalg.norm(np.bincount(which, pull)))
    error = math.hypot(parameters, noise)
    return Drift(float(cut.decades.max()), len(cut.held_out), float(cut.log_errors @ pull), error)


def _scatter(fit: Fit) -> float:
    """The standard deviation of one run about the law, in log loss, with n - p degrees of freedom."""
    return float(np.sqrt((fit.residuals**2).sum() / (len(fit.runs) - len(fit.law.params))))


def _spread(drifts: Sequence[Drift]) -> float:
    """The root mean square of v under its posterior."""
    v = PRIOR * GRID
    slope, error = np.array([drift.slope for drift in drifts]), np.array([drift.error for drift in drifts])
    sd = np.hypot(v[:, None], np.maximum(error, EXACT))
    log_posterior = -(np.log(sd) + 0.5 * (slope / sd) ** 2).sum(axis=1) + stats.t.logpdf(GRID, FREEDOM)
    weight = np.exp(log_posterior - log_posterior.max()) * np.gradient(GRID)
    return float(np.sqrt((weight * v**2).sum() / weight.sum()))


def extrapolation_interval(
    known: Uncertainty, discrepancy: Discrepancy, level: float = LEVEL, **inputs: float | str
) -> Interval | Unavailable:
    """Where a new run far beyond the data will land: the prediction interval, widened by the law's own discrepancy.

    On the log scale each end moves from its distance h off the estimate to sqrt(h^2 + (z s)^2), with s the discrepancy
    at the run's distance beyond the largest fitted one and z the normal quantile of the level.
    """
    plain = known.prediction_interval(level=level, **inputs)
    if isinstance(plain, Unavailable):
        return plain
    decades = _decades(known.fit, inputs)
    widening = float(stats.norm.ppf(0.5 + level / 2)) * discrepancy.at(decades)
    low, high = (math.hypot(math.log(end / plain.estimate), widening) for end in (plain.low, plain.high))
    return replace(
        plain,
        low=plain.estimate * math.exp(-low),
        high=plain.estimate * math.exp(high),
        method=f"{plain.method}; widened by {discrepancy}",
    )


def far_beyond(fit: Fit, **inputs: float | str) -> tuple[Finding, ...]:
    """A warning where a run of these inputs lies more than `FAR` decades of size beyond the largest fitted one."""
    try:
        decades = _decades(fit, inputs)
    except DataError:  # a law of columns that say no size
        return ()
    if not decades > FAR:
        return ()
    message = (
        f"{decades:.1f} decades beyond the largest run, C ratio {10.0**decades:.2g}: each interval shown is only as "
        "good as the law is there"
    )
    return (Finding("W_EXTRAPOLATION", "warning", message, (), "train runs nearer to it"),)


def _decades(fit: Fit, inputs: dict[str, float | str]) -> float:
    """How far a run of these inputs lies beyond the largest fitted one, in decades of size."""
    return float(decades_beyond(fit.runs, asked(inputs))[0])
