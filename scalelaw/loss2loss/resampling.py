"""Intervals of a loss-to-loss law: whatever was fitted is fitted again to resampled configurations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from scalelaw.errors import UsageError
from scalelaw.intervals._refit import reweighted
from scalelaw.intervals.base import LEVEL, check_level
from scalelaw.loss2loss.pairing import Pairs
from scalelaw.loss2loss.relating import NAMES, UNITS, Relation, curve, lines
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats, RunTable

FEWEST = 6
"""Configurations below which resampling them tells nothing."""


@dataclass(frozen=True)
class Replicates:
    """A relation fitted again to resampled configurations.

    Attributes:
        relation: the estimate.
        values: kappa, K, E_x, E_y of each replicate, `[b, 4]`; NaN where a surface had no optimum, or an irreducible
            loss was not below every loss drawn.
        units: how many configurations were resampled.
        method: how it was done, with its settings.
        seed: of the resampling.
    """

    relation: Relation
    values: Floats
    units: int
    method: str
    seed: int

    def interval(self, name: str, level: float = LEVEL) -> Interval | Unavailable:
        """Where kappa, K, E_x or E_y lies."""
        at = NAMES.index(name) if name in NAMES else 0
        return self._ends(name, self.relation.value(name), self.values[:, at], level, UNITS[name])

    def at(self, loss_x: float, level: float = LEVEL) -> Interval | Unavailable:
        """Where L_y lies on the curve at L_x = `loss_x` nats per token."""
        values = curve(self.values, np.array([loss_x]))[:, 0]
        estimate = float(self.relation.predict(loss_x)[0])
        return self._ends(f"L_y at L_x {loss_x:.4g}", estimate, values, level, "nats/token")

    def prediction_at(self, loss_x: float, level: float = LEVEL) -> Interval | Unavailable:
        """Where the loss on y of a new pair will land whose loss on x is `loss_x` nats per token.

        Each replicate's L_y is given a residual of the pairs; `_ends` widens for their number.
        """
        residuals = self.relation.residuals
        rng = np.random.default_rng([self.seed, 1])
        scatter = rng.choice(residuals - residuals.mean(), len(self.values))
        values = curve(self.values, np.array([loss_x]))[:, 0] * np.exp(scatter)
        estimate = float(self.relation.predict(loss_x)[0])
        return self._ends(f"new L_y at L_x {loss_x:.4g}", estimate, values, level, "nats/token", "prediction")

    @cached_property
    def failed(self) -> int:
        """Replicates without values."""
        return int(np.isnan(self.values).any(axis=1).sum())

    def _ends(
        self, target: str, estimate: float, values: Floats, level: float, unit: str, kind: str = "confidence"
    ) -> Interval | Unavailable:
        """The expanded percentile interval; a replicate without a value counts against both ends.

        Percentiles lie at Phi(-+ sqrt(m / (m - 1)) t) of the replicates, t Student's quantile with m - 1 degrees of
        freedom for m configurations (Hesterberg 2015, arXiv 1411.5279): plain ones are too narrow for few.
        """
        check_level(level)
        m, known = self.units, np.isfinite(values)
        t = stats.t.ppf((1 + level) / 2, m - 1)
        tail = float(stats.norm.cdf(-math.sqrt(m / (m - 1)) * t))
        lost = len(values) - int(known.sum())
        if lost > tail * len(values):
            return Unavailable(target, f"{lost / len(values):.0%} of {len(values)} replicates have no such value", unit)
        low = np.quantile(np.where(known, values, values[known].min()), tail)
        high = np.quantile(np.where(known, values, values[known].max()), 1 - tail)
        note = f"{lost} of {len(values)} replicates have no such value and count against both ends" if lost else ""
        return Interval(target, estimate, float(low), float(high), level, self.method, unit, kind, note)  # type: ignore[arg-type]


def resample(relation: Relation, replicates: int = 1000, *, seed: int = 0) -> Replicates:
    """Draw configurations with replacement and fit surfaces and relation again to each draw.

    A configuration is whatever hangs together: the runs of a pair on both sides, their seeds and their groups. Runs
    without a partner are drawn, too, and inform their surface.

    Raises:
        UsageError: for no replicates, or fewer than six configurations.
    """
    if replicates < 1:
        raise UsageError(f"At least one replicate is needed; found {replicates}.")
    pairs = relation.pairs
    of_x, of_y, of_pairs, count = configurations(pairs)
    if count < FEWEST:
        raise UsageError(
            f"{count} configurations are too few to resample; at least {FEWEST} are needed. Next: add configurations."
        )
    rng = np.random.default_rng([seed, 0])
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=replicates).astype(float)
    values = _values(relation, drawn[:, of_x], drawn[:, of_y], drawn[:, of_pairs])
    method = (
        f"pairs bootstrap over {count} configurations, {'all' if relation.fits else 'kappa and K'} fitted again, "
        f"expanded percentile, {replicates} replicates, seed {seed}"
    )
    return Replicates(relation, values, count, method, seed)


def _values(relation: Relation, x: Floats, y: Floats, drawn: Floats) -> Floats:
    """kappa, K, E_x, E_y of each replicate, `[b, 4]`, for how often each row of x, of y and each pair was drawn."""
    pairs, fits, b = relation.pairs, relation.fits, len(drawn)

    def again(i: int, weights: Floats) -> Floats:
        return reweighted(fits[i], weights * fits[i].runs.weight)

    if len(fits) == 1:
        natural = again(0, drawn)
        return np.stack([natural[:, fits[0].law.names.index(name)] for name in NAMES], axis=1)
    E_x, E_y = np.full(b, relation.value("E_x")), np.full(b, relation.value("E_y"))
    if fits:
        E_x, E_y = (again(i, w)[:, fits[i].law.names.index("E")] for i, w in enumerate((x, y)))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_x, log_y = (
            np.where(drawn > 0, np.log(loss - E[:, None]), 0.0)
            for loss, E in ((pairs.loss_x, E_x), (pairs.loss_y, E_y))
        )
    kappa, log_K = lines(log_x, log_y, drawn)
    return np.stack([kappa, np.exp(log_K), E_x, E_y], axis=1)


def configurations(pairs: Pairs) -> tuple[Floats, Floats, Floats, int]:
    """What hangs together, numbered: of each row of x, of y, and of each pair; and how many there are."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            node = parent[node]
        return node

    # The rows of a run are one configuration in both tables where both are of the same runs.
    one_table = pairs.by == "run"

    def nodes(table: RunTable, side: str) -> list[tuple[str, str]]:
        return [("" if one_table else side, group) for group in table.group]

    in_x, in_y = nodes(pairs.x, "x"), nodes(pairs.y, "y")
    for node in (*in_x, *in_y):
        root(node)
    firsts = []
    for from_x, from_y in zip(*pairs.weights, strict=True):
        joined = [in_x[i] for i in np.flatnonzero(from_x)] + [in_y[j] for j in np.flatnonzero(from_y)]
        for node in joined[1:]:
            parent[root(node)] = root(joined[0])
        firsts.append(joined[0])
    number = {kind: i for i, kind in enumerate(dict.fromkeys(root(node) for node in (*in_x, *in_y)))}
    found = (np.array([number[root(node)] for node in part], dtype=np.intp) for part in (in_x, in_y, firsts))
    of_x, of_y, of_pairs = found
    return of_x, of_y, of_pairs, len(number)  # type: ignore[return-value]
