"""Does the best learning rate of a small width serve a larger one? From the trials of a sweep; needs no torch.

At every width the losses of a parametrization, averaged over seeds, are a curve y(x) in x = log2 of the learning rate.
Its optimum x* is the vertex of a parabola

    y = a (x - x*)^2 + y*        by least squares over the window: the best rate and all within one octave of it,
                                 at least its nearest neighbour on either side

and is not extrapolated: with the best rate at an end of the sweep there is no optimum, and the verdict says so. A
diverged run counts as the worst loss that any run of its parametrization and width had: it is worse than that. From the
optima follow, with intervals by the jackknife over seeds (each left out at all widths and rates at once, for runs of a
seed share data; the windows stay),

    drift       = x*(largest width) - x*(smallest width)                     octaves
    per_doubling = the slope of x* against log2 width by least squares       octaves a doubling
    penalty     = loss at the smallest width's best rate - loss at the best rate tried, both at the largest width

Where the largest width was not swept that far, the loss at the last rate on the way is a lower bound of the penalty.

Theory: under muP x* does not move; under the standard parametrization with Adam a width's best rate falls like 1/width,
-1 octave a doubling (Yang et al. 2022, arXiv 2203.03466; Everett et al. 2024, arXiv 2407.05872).

Dimensions: L learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from runners.probes._seeds import FEWEST, jackknife_interval, mean_interval
from runners.probes.trials import Trial
from scalelaw.errors import DataError
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats

TRANSFERS = 0.5
"""A rate transfers while its optimum moves by less than half an octave, a step within which sweeps are seldom made."""
OCTAVE = 1.0
"""Reach of the window around the best rate."""

SAME = 1e-6
"""Octaves within which two rates are one."""

Measured = Interval | Unavailable


@dataclass(frozen=True)
class Curve:
    """The losses of one width: `loss` `[L]` is the mean over seeds at log2 rates `x` `[L]`, sorted.

    Attributes:
        losses: by (rate index, seed), diverged ones replaced.
        finished: of each rate, whether every seed did.
        diverged: how many runs did not.
    """

    width: int
    x: Floats
    loss: Floats
    losses: dict[tuple[int, int], float]
    finished: NDArray[np.bool_]
    diverged: int

    @property
    def best(self) -> int:
        """The index of the rate with the least mean loss."""
        return int(np.argmin(self.loss))

    @property
    def window(self) -> slice:
        """The rates a parabola is fitted to."""
        near = np.flatnonzero(np.abs(self.x - self.x[self.best]) <= OCTAVE + SAME)
        return slice(max(min(near[0], self.best - 1), 0), max(near[-1], self.best + 1) + 1)

    def without(self, seed: int) -> Floats:
        """The mean losses when a seed is left out; NaN at a rate that only it was tried at."""
        kept: list[list[float]] = [[] for _ in self.x]
        for (i, s), loss in self.losses.items():
            if s != seed:
                kept[i].append(loss)
        return np.array([np.mean(values) if values else math.nan for values in kept])

    def seeds(self) -> set[int]:
        """Seeds tried within the window."""
        return {s for (i, s) in self.losses if self.window.start <= i < self.window.stop}


@dataclass(frozen=True)
class Optimum:
    """A width's best learning rate.

    Attributes:
        x: log2 of it, or None, for the `reason`.
        loss: the parabola's minimum there.
        interval: of x.
        best: the rate with the least mean loss among those tried, and `best_loss` that loss.
    """

    width: int
    x: float | None
    loss: float | None
    interval: Measured
    best: float
    best_loss: float
    reason: str = ""


@dataclass(frozen=True)
class Transfer:
    """How the best rate of one parametrization follows the width; see the module.

    Attributes:
        family: the parametrization, and the corpus where it is known.
        drift: None where an optimum is unknown.
        penalty: infinite where the transferred rate diverged; a lower bound where `penalty_at`, the rate it is that of,
            is not `optima[0].best`.
    """

    family: str
    parametrization: str
    curves: tuple[Curve, ...]
    optima: tuple[Optimum, ...]
    drift: float | None
    drift_interval: Measured
    per_doubling: float | None
    per_doubling_interval: Measured
    penalty: float
    penalty_interval: Measured
    penalty_at: float

    @property
    def transfers(self) -> bool | None:
        """Whether the optimum stays within half an octave."""
        return None if self.drift is None else abs(self.drift) < TRANSFERS

    @property
    def certain(self) -> bool:
        """Whether the whole interval of the drift is on the verdict's side of half an octave."""
        known = self.drift_interval
        if not isinstance(known, Interval):
            return False
        inside = known.low > -TRANSFERS and known.high < TRANSFERS
        return inside if self.transfers else known.high <= -TRANSFERS or known.low >= TRANSFERS

    @property
    def sentence(self) -> str:
        """The verdict, the drift with its interval, and what transferring the rate costs."""
        first, last = self.optima[0], self.optima[-1]
        span = f"{self.family}, width {first.width} to {last.width}"
        if self.drift is None:
            return f"{span}: undecided, {self.drift_interval.reason}."  # type: ignore[union-attr]
        verdict = "transfers" if self.transfers else "does not transfer"
        words = f"{span}: the learning rate {verdict}; its optimum moves by {_octaves(self.drift, self.drift_interval)}"
        if isinstance(self.drift_interval, Interval) and not self.certain:
            words += ", an interval that does not settle it"
        if self.per_doubling is not None and len(self.optima) > 2:
            words += f", {self.per_doubling:+.2f} octaves a doubling"
        return f"{words}. {self._cost()}"

    def _cost(self) -> str:
        first, last = self.optima[0], self.optima[-1]
        rate = f"The smallest width's best rate, {_rate(first.best)},"
        if math.isinf(self.penalty):
            return f"{rate} diverges at width {last.width}."
        against = f"{self.penalty:.3f} nats/token against the best rate there"
        if math.isclose(self.penalty_at, first.best):
            return f"{rate} costs {against} at width {last.width}."
        return f"{rate} was not tried at width {last.width}, where {_rate(self.penalty_at)} already costs {against}."

    def rows(self) -> list[dict[str, Any]]:
        """A row for each width."""
        return [
            {
                "family": self.family,
                "width": optimum.width,
                "log2_lr": optimum.x,
                "log2_lr_low": getattr(optimum.interval, "low", None),
                "log2_lr_high": getattr(optimum.interval, "high", None),
                "loss": optimum.loss,
                "best_lr_tried": optimum.best,
                "best_loss_tried": optimum.best_loss,
                "rates": len(curve.x),
                "diverged": curve.diverged,
                "note": optimum.reason or getattr(optimum.interval, "reason", ""),
            }
            for optimum, curve in zip(self.optima, self.curves, strict=True)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "family": self.family,
            "transfers": self.transfers,
            "certain": self.certain,
            "drift": self.drift,
            "drift_interval": self.drift_interval.as_dict(),
            "per_doubling": self.per_doubling,
            "per_doubling_interval": self.per_doubling_interval.as_dict(),
            "penalty": self.penalty if math.isfinite(self.penalty) else None,
            "penalty_at": self.penalty_at,
            "penalty_interval": self.penalty_interval.as_dict(),
            "widths": self.rows(),
            "sentence": self.sentence,
        }


def lr_transfer(trials: Sequence[Trial], level: float = 0.95) -> tuple[Transfer, ...]:
    """The transfer of each parametrization's learning rate over the widths it was swept at.

    Raises:
        DataError: where a parametrization has fewer than two widths, or every run of a width diverged.
    """
    families = sorted({trial.family for trial in trials})
    return tuple(_transfer(name, [trial for trial in trials if trial.family == name], level) for name in families)


def _transfer(name: str, mine: Sequence[Trial], level: float) -> Transfer:
    curves = tuple(_curve([t for t in mine if t.width == width]) for width in sorted({t.width for t in mine}))
    if len(curves) < 2:
        raise DataError("E_NO_ROWS", f"{name} was swept at one width, {curves[0].width}; a transfer needs at least two")
    optima = tuple(_optimum(curve, level) for curve in curves)
    missing = [optimum for optimum in optima if optimum.x is None]
    doublings = np.log2([curve.width for curve in curves])
    weights = (doublings - doublings.mean()) / ((doublings - doublings.mean()) ** 2).sum()
    ends = np.zeros(len(curves))
    ends[0], ends[-1] = -1.0, 1.0
    drift, drift_interval = _combined("drift", ends, curves, optima, level, "octaves")
    slope, slope_interval = _combined("per doubling", weights, curves, optima, level, "octaves a doubling")
    if missing:
        slope, slope_interval = None, Unavailable("per doubling", missing[0].reason, "octaves a doubling")
    largest = [trial for trial in mine if trial.width == curves[-1].width]
    cost = _penalty(curves[0], curves[-1], largest, level)
    return Transfer(name, mine[0].parametrization, curves, optima, drift, drift_interval, slope, slope_interval, *cost)


def _curve(trials: Sequence[Trial]) -> Curve:
    finite = [trial.loss for trial in trials if math.isfinite(trial.loss)]
    if not finite:
        one = trials[0]
        raise DataError("E_NO_ROWS", f"every run of {one.family} at width {one.width} diverged; sweep lower rates")
    rates = sorted({trial.lr for trial in trials})
    losses = {(rates.index(t.lr), t.seed): min(t.loss, max(finite)) for t in trials}
    mean = [np.mean([loss for (i, _), loss in losses.items() if i == at]) for at in range(len(rates))]
    lost = {trial.lr for trial in trials if not math.isfinite(trial.loss)}
    finished = np.array([rate not in lost for rate in rates])
    return Curve(trials[0].width, np.log2(rates), np.array(mean), losses, finished, len(trials) - len(finite))


def _optimum(curve: Curve, level: float) -> Optimum:
    target = f"log2 of the best rate at width {curve.width}"
    best, best_loss = float(2.0 ** curve.x[curve.best]), float(curve.loss[curve.best])
    reason = ""
    if curve.best in (0, len(curve.x) - 1):
        side = "lower" if curve.best == 0 else "higher"
        reason = f"the best rate at width {curve.width}, {best:.3g}, is at the edge of the sweep: try {side} ones"
    x, loss = (None, None) if reason else _vertex(curve, curve.loss)
    if x is None:
        reason = reason or f"the losses around the best rate at width {curve.width}, {best:.3g}, have no minimum"
        return Optimum(curve.width, None, None, Unavailable(target, reason, "octaves"), best, best_loss, reason)
    if refused := _too_few(target, [curve]):
        return Optimum(curve.width, x, loss, refused, best, best_loss)
    without = [_vertex(curve, curve.without(seed))[0] for seed in sorted(curve.seeds())]
    interval = jackknife_interval(target, x, _numbers(without), level, "octaves")
    return Optimum(curve.width, x, loss, interval, best, best_loss)


def _vertex(curve: Curve, loss: Floats) -> tuple[float | None, float | None]:
    """Where the parabola through the window's losses is least, and its value there; none if it has no minimum."""
    x, y, centre = curve.x[curve.window], loss[curve.window], curve.x[curve.best]
    if np.isnan(y).any():
        return None, None
    c0, c1, c2 = polynomial.polyfit(x - centre, y, 2)
    if c2 <= 0:
        return None, None
    shift = -c1 / (2 * c2)
    return float(centre + shift), float(c0 + c1 * shift / 2)


def _combined(
    target: str, weights: Floats, curves: Sequence[Curve], optima: Sequence[Optimum], level: float, unit: str
) -> tuple[float | None, Measured]:
    """A weighted sum of the optima, seeds left out of all of them at once."""
    used = [(w, curve, optimum) for w, curve, optimum in zip(weights, curves, optima, strict=True) if w]
    for _, _, optimum in used:
        if optimum.x is None:
            return None, Unavailable(target, optimum.reason, unit)
    value = float(sum(w * optimum.x for w, _, optimum in used if optimum.x is not None))
    if refused := _too_few(target, [curve for _, curve, _ in used], unit):
        return value, refused
    seeds = sorted(set().union(*(curve.seeds() for _, curve, _ in used)))
    without = [
        sum(
            w * x
            for (w, _, _), x in zip(used, _numbers([_vertex(c, c.without(s))[0] for _, c, _ in used]), strict=True)
        )
        for s in seeds
    ]
    return value, jackknife_interval(target, value, without, level, unit)


def _too_few(target: str, curves: Sequence[Curve], unit: str = "octaves") -> Unavailable | None:
    """A rate in a window that fewer than three seeds were tried at."""
    for curve in curves:
        for i in range(curve.window.start, curve.window.stop):
            seeds = sum(1 for at, _ in curve.losses if at == i)
            if seeds < FEWEST:
                where = f"width {curve.width}, rate {2.0 ** curve.x[i]:.3g}"
                return Unavailable(target, f"an interval needs at least {FEWEST} seeds; {where} has {seeds}", unit)
    return None


def _penalty(first: Curve, last: Curve, largest: Sequence[Trial], level: float) -> tuple[float, Measured, float]:
    """What the smallest width's best rate costs at the largest, seed by seed, and the rate it was measured at."""
    target, unit = "penalty of the transferred rate", "nats/token"
    wanted, best = first.x[first.best], last.x[last.best]
    low, high = min(wanted, best) - SAME, max(wanted, best) + SAME
    on_the_way = [i for i, x in enumerate(last.x) if low <= x <= high]
    nearest = min(on_the_way, key=lambda i: abs(last.x[i] - wanted))
    rate = float(2.0 ** last.x[nearest])
    at, least = (
        {t.seed: t.loss for t in largest if math.isclose(t.lr, 2.0 ** last.x[i])} for i in (nearest, last.best)
    )
    if any(map(math.isinf, at.values())):
        return math.inf, Unavailable(target, f"the rate {rate:.3g} diverges at width {last.width}", unit), rate
    paired = [at[seed] - least[seed] for seed in sorted(at.keys() & least.keys())]
    return float(last.loss[nearest] - last.loss[last.best]), mean_interval(target, paired, level, unit), rate


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _rate(lr: float) -> str:
    return f"2^{math.log2(lr):.3g}"


def _octaves(value: float, known: Measured) -> str:
    shown = f" [{known.low:+.2f}, {known.high:+.2f}]" if isinstance(known, Interval) else ""
    return f"{value:+.2f}{shown} octaves"
