"""The verb: laws ranked by how well each would have predicted the largest runs, and the average of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import nnls

from scalelaw.backtesting import SHARES, RollingBacktest, rolling_backtest
from scalelaw.criteria import Criteria, criteria
from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import Fit, fit
from scalelaw.identifiability import refuse_hopeless
from scalelaw.intervals import LEVEL, Uncertainty, uncertainty
from scalelaw.laws import Law, get_law
from scalelaw.objectives import Objective, get_objective
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats, RunTable
from scalelaw.sizing import asked, emphasise

By = Literal["backtest", "aicc", "bic"]

EMPHASIS = 10.0
"""How many times the largest run weighs the smallest in the fits that predict."""
SHRINKAGE = 3.0
"""How strongly the weights of an average are drawn towards equal ones, in units of the best law's squared error."""
STARTS = 8
QUANTILES = (np.arange(400) + 0.5) / 400
JOINT = ("chinchilla", "chinchilla_tied", "k_power", "kaplan")
SINGLE = ("power_constant", "m3", "m4", "broken_power")
"""The laws compared by default: of parameters and tokens, or of one variable."""


@dataclass(frozen=True)
class Candidate:
    """One law in a comparison.

    Attributes:
        fit: the law fitted to all runs, each counting alike.
        forecast: the same with the emphasis of the comparison on the largest runs, as in its backtest.
        backtest: how fits to the smaller runs predicted the larger, at the cuts that all candidates share.
        criteria: AICc and BIC of `fit`.
        weight: the share of this law in the average.
    """

    fit: Fit
    forecast: Fit
    backtest: RollingBacktest
    criteria: Criteria
    weight: float

    @property
    def label(self) -> str:
        """The law's label."""
        return self.fit.law.label

    @property
    def parameters(self) -> int:
        """How many parameters the law has."""
        return len(self.fit.law.params)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A law that cannot be compared, and why."""

    law: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """Laws ranked, the best first by `by`, and their average.

    Attributes:
        candidates: the laws compared, by rising backtest error (or AICc, or BIC).
        refused: the laws that the runs cannot determine.
        best: the law to use alone: the one of fewest parameters that no richer one convincingly beats (see `compare`).
        by, level, method, seed: how the comparison and its intervals were made.
    """

    candidates: tuple[Candidate, ...]
    refused: tuple[Refusal, ...]
    best: Candidate
    by: By
    level: float
    method: str
    replicates: int
    seed: int

    @property
    def weights(self) -> dict[str, float]:
        """The share of each law in the average."""
        return {candidate.label: candidate.weight for candidate in self.candidates}

    def predict(self, **inputs: ArrayLike) -> Floats:
        """The average law's loss, exp(sum of weight x ln L), at inputs given by column name, broadcast together.

        A law of compute finds C = 6 N D where N and D are given.
        """
        table = asked(inputs)
        logs = [candidate.weight * np.log(_predicted(candidate.forecast, table)) for candidate in self._members]
        return np.asarray(np.exp(np.sum(logs, axis=0)))

    def prediction_interval(self, *, level: float | None = None, **inputs: float) -> Interval | Unavailable:
        """Where a new run will land: the mixture of the laws' prediction intervals, each by its share.

        Each law's interval stands for a distribution of ln L, normal on either side of the law's prediction; the ends
        are quantiles of their mixture, so laws that disagree widen it.
        """
        level = self.level if level is None else level
        table = asked(inputs)
        reach = float(stats.norm.ppf(0.5 + level / 2))
        z = stats.norm.ppf(QUANTILES)
        logs, shares = [], []
        for member, known in zip(self._members, self._uncertainties, strict=True):
            law = member.fit.law
            own = dict(zip(law.inputs, map(float, law.read(table)[0]), strict=True))
            interval = known.prediction_interval(level=level, **own)
            if isinstance(interval, Unavailable):
                return Unavailable("average loss", f"{law.label}: {interval.reason}", interval.unit)
            low, middle, high = np.log([interval.low, interval.estimate, interval.high])
            logs.append(middle + z * np.where(z > 0, high - middle, middle - low) / reach)
            shares.append(np.full(len(z), member.weight / len(z)))
        order = np.argsort(values := np.concatenate(logs))
        below = np.cumsum(np.concatenate(shares)[order])
        low, high = np.exp(np.interp([0.5 - level / 2, 0.5 + level / 2], below, values[order]))
        method = f"mixture of {len(logs)} laws weighed by backtest, each by: {self.method}"
        estimate = float(self.predict(**inputs)[0])
        return Interval("average loss", estimate, float(low), float(high), level, method, "nats/token", "prediction")

    @cached_property
    def _members(self) -> tuple[Candidate, ...]:
        return tuple(candidate for candidate in self.candidates if candidate.weight > 0)

    @cached_property
    def _uncertainties(self) -> tuple[Uncertainty, ...]:
        options = {"replicates": self.replicates, "seed": self.seed}
        return tuple(uncertainty(member.forecast, self.method, **options) for member in self._members)


def compare(
    runs: RunTable,
    laws: Sequence[str | Law] | None = None,
    *,
    by: By = "backtest",
    objective: str | Objective = "auto",
    shares: Sequence[float] = SHARES,
    horizon: float = np.inf,
    emphasis: float = EMPHASIS,
    level: float = LEVEL,
    method: str = "wald",
    replicates: int = 200,
    seed: int = 0,
) -> Comparison:
    """Rank laws by a rolling backtest, choose one, and average them all.

    Args:
        laws: names or laws; by default `JOINT` where the runs tell N from D, else `SINGLE` of the variable there is.
        by: what ranks them. Whatever it is, errors and criteria are all there.
        shares, horizon: the cuts of the backtest and how far beyond them it looks, in decades.
        emphasis: how many times the largest run weighs the smallest in fits that predict (see `emphasise`).
        method, replicates: how prediction intervals are made.

    `best` by backtest prefers few parameters: a richer law must predict better by more than one standard error of the
    paired difference in squared log errors, held-out groups of runs being the units, and have the lower BIC too.

    The weights w of the average, each >= 0 and summing to 1, minimise the mean over cuts of the mean square of
    sum w_k e_k, e_k the log errors of law k, plus `SHRINKAGE` times the best law's mean square times |w - 1/K|^2:
    equal weights where the backtest says little.

    Raises:
        DataError: where not one law can be compared.
    """
    if by not in ("backtest", "aicc", "bic"):
        raise UsageError(f"Laws are compared by backtest, aicc or bic; found {by!r}.")
    objective = objective if objective == "auto" else get_objective(objective)
    chosen = default_laws(runs) if laws is None else [get_law(law) for law in laws]

    def attempt(law: Law) -> Candidate | Refusal:
        try:
            rolled = rolling_backtest(
                law,
                runs,
                objective,
                shares=shares,
                horizon=horizon,
                level=level,
                method=method,
                replicates=replicates,
                emphasis=emphasis,
                starts=STARTS,
                seed=seed,
            )
            forecast = fit(law, emphasise(runs, emphasis), objective, starts=STARTS, seed=seed)
            plain = fit(law, runs, objective, starts=STARTS, seed=seed)
        except (DataError, UsageError) as error:  # a column that is missing, or too little in those there are
            return Refusal(law.label, error.problem if isinstance(error, DataError) else str(error))
        if not np.isfinite(rolled.log_errors).all():
            return Refusal(law.label, "fitted to the smaller runs it predicts no finite loss for the larger")
        return Candidate(plain, forecast, rolled, criteria(plain), 0.0)

    attempts = [attempt(law) for law in chosen]
    able = [found for found in attempts if isinstance(found, Candidate)]
    refused = [found for found in attempts if isinstance(found, Refusal)]
    able, dropped = _on_common_cuts(able)
    if not able:
        reasons = "; ".join(f"{refusal.law}: {refusal.reason}" for refusal in refused)
        raise DataError(
            "E_NOTHING_TO_COMPARE", f"no law can be compared. {reasons}", remedy="add runs or name other laws"
        )
    weights = _stack(able)
    able = [replace(candidate, weight=float(weight)) for candidate, weight in zip(able, weights, strict=True)]
    ranked = tuple(sorted(able, key=_KEYS[by]))
    best = _parsimonious(ranked) if by == "backtest" else ranked[0]
    return Comparison(ranked, (*refused, *dropped), best, by, level, method, replicates, seed)


_KEYS: dict[By, Callable[[Candidate], float]] = {
    "backtest": lambda candidate: candidate.backtest.error,
    "aicc": lambda candidate: candidate.criteria.aicc,
    "bic": lambda candidate: candidate.criteria.bic,
}


def default_laws(runs: RunTable) -> list[Law]:
    """The laws a comparison takes up by itself: of N and D where the runs tell them apart, else of one variable."""
    for variable in ("flops", "n_tokens", "n_params", "n_params_non_embedding"):
        if np.isfinite(runs.column(variable)).all():
            break
    try:
        refuse_hopeless(get_law(JOINT[-1]), runs)
    except DataError:
        return [get_law(f"{name}({variable})") for name in SINGLE]
    return [get_law(name) for name in JOINT]


def _on_common_cuts(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Refusal]]:
    """The candidates on the cuts that all can be fitted at; those fitted at fewer than half of the cuts are dropped."""
    most = max((len(candidate.backtest.cuts) for candidate in candidates), default=0)
    kept = [candidate for candidate in candidates if 2 * len(candidate.backtest.cuts) >= most]
    dropped = [
        Refusal(candidate.label, f"it can be fitted at {len(candidate.backtest.cuts)} of {most} cuts only")
        for candidate in candidates
        if candidate not in kept
    ]
    common = set.intersection(*({len(cut.held_out) for cut in c.backtest.cuts} for c in kept)) if kept else set()
    at_common = [tuple(cut for cut in c.backtest.cuts if len(cut.held_out) in common) for c in kept]
    pairs = zip(kept, at_common, strict=True)
    return [replace(c, backtest=replace(c.backtest, cuts=cuts)) for c, cuts in pairs], dropped


def _log_errors(candidate: Candidate) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The log errors of all predictions, the share of each in the mean square, and the group of its run."""
    errors, shares, groups = [], [], []
    backtest = candidate.backtest
    for cut in backtest.cuts:
        near = cut.decades <= backtest.horizon
        errors.append(cut.log_errors[near])
        shares.append(np.full(near.sum(), 1.0 / (near.sum() * len(backtest.cuts))))
        groups += [group for group, kept in zip(cut.held_out.group, near, strict=True) if kept]
    return np.concatenate(errors), np.concatenate(shares), tuple(groups)


def _stack(candidates: Sequence[Candidate]) -> Floats:
    """The weights of the average (see `compare`), by non-negative least squares with the sum held to 1."""
    K = len(candidates)
    shares = _log_errors(candidates[0])[1]
    E = np.stack([_log_errors(candidate)[0] for candidate in candidates], axis=1) * np.sqrt(shares)[:, None]
    squares = (E**2).sum(axis=0)
    if squares.max() == 0:
        return np.full(K, 1.0 / K)
    pull = np.sqrt(SHRINKAGE * squares.min()) * np.eye(K)
    firm = 1e4 * np.sqrt(squares.max()) * np.ones((1, K))
    goal = np.concatenate([np.zeros(len(E)), pull.sum(axis=1) / K, firm[0, :1]])
    weights = nnls(np.concatenate([E, pull, firm]), goal)[0]
    return np.asarray(weights / weights.sum())


def _parsimonious(ranked: Sequence[Candidate]) -> Candidate:
    """Of the candidates that no richer one beats, the one of fewest parameters; among equals the better predictor."""
    unbeaten = [one for one in ranked if not any(_beats(other, one) for other in ranked)]
    return min(unbeaten, key=lambda candidate: candidate.parameters)


def _beats(rich: Candidate, simple: Candidate) -> bool:
    """Whether a richer law predicts better by more than a standard error and has the lower BIC."""
    if rich.parameters <= simple.parameters or rich.criteria.bic >= simple.criteria.bic:
        return False
    (e_rich, shares, groups), e_simple = _log_errors(rich), _log_errors(simple)[0]
    gains = shares * (e_simple**2 - e_rich**2)
    members = np.unique(groups, return_inverse=True)[1]
    by_group = np.bincount(members, weights=gains)
    error = np.sqrt(len(by_group)) * by_group.std(ddof=1) if len(by_group) > 1 else np.inf
    return bool(gains.sum() > error)


def _predicted(fitted: Fit, table: RunTable) -> Floats:
    return np.asarray(fitted.law.predict(fitted.natural[None], fitted.law.read(table))[0])
