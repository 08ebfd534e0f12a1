"""What every approach to the compute-optimal allocation gives back: budgets, two power laws and what to beware of."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from scalelaw.results import Finding, Interval, Unavailable
from scalelaw.runs import Floats, RunTable


@dataclass(frozen=True, slots=True)
class Budget:
    """One compute budget and the allocation of least loss found on it.

    Attributes:
        flops: the budget C, FLOP, as the table counts it; the geometric mean of its rows.
        points: how many rows (isoflop) or bins (envelope) speak for it.
        n_params_low, n_params_high: the sizes swept.
        n_params, n_tokens, loss: the allocation of least loss, and that loss in nats/token; NaN where none was found.
        curvature: d^2 L / d(ln N)^2 there, nats/token; NaN where the approach has none.
        verdict: why the budget was rejected; empty where it was used.
    """

    flops: float
    points: int
    n_params_low: float
    n_params_high: float
    n_params: float = math.nan
    n_tokens: float = math.nan
    loss: float = math.nan
    curvature: float = math.nan
    verdict: str = ""

    @property
    def used(self) -> bool:
        """Whether the power laws go through it."""
        return not self.verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; what was not found is None."""
        data = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}
        return {**data, "verdict": self.verdict or "used"}


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """y = y_0 (C / C_0)^a: parameters or tokens of least loss as compute grows.

    Attributes:
        quantity, unit: what y is.
        exponent: a.
        flops, value: C_0, in the middle of the budgets, and y_0 there.
        interval: of the exponent, or why there is none.
    """

    quantity: str
    unit: str
    exponent: float
    flops: float
    value: float
    interval: Interval | Unavailable

    def at(self, flops: ArrayLike) -> Floats:
        """y at a budget in FLOP."""
        return np.asarray(self.value * (np.asarray(flops, dtype=float) / self.flops) ** self.exponent)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**asdict(self), "interval": self.interval.as_dict()}


@dataclass(frozen=True)
class Allocation:
    """How parameters and tokens should grow with compute, by one approach.

    Attributes:
        approach: which, with its settings.
        runs: the runs it was made from.
        budgets: the budgets, used and rejected; empty for an approach that needs none.
        n_params, n_tokens: N_opt(C) and D_opt(C), or why there is none.
        findings: what to beware of.
    """

    approach: str
    runs: RunTable
    budgets: tuple[Budget, ...]
    n_params: PowerLaw | Unavailable
    n_tokens: PowerLaw | Unavailable
    findings: tuple[Finding, ...] = ()

    @property
    def used(self) -> tuple[Budget, ...]:
        """The budgets the power laws go through."""
        return tuple(budget for budget in self.budgets if budget.used)


QUANTITIES = (("N_opt", "parameters"), ("D_opt", "tokens"))


def line(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of y on x by least squares, and y at the mean of x."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred)), float(y.mean())


def through_budgets(budgets: tuple[Budget, ...], level: float) -> tuple[PowerLaw | Unavailable, PowerLaw | Unavailable]:
    """N_opt(C) and D_opt(C) through the used budgets: straight lines in logs, each budget counting once.

    The interval of an exponent is that of the jackknife: each budget is left out in turn, so that the noise of the
    losses and budgets that lie off the line both count, and Student's t has as many degrees of freedom as there are
    budgets, less one. See `tests/slow/allocation.csv` for how often it held.
    """
    used = [budget for budget in budgets if budget.used]
    if len(used) < 2:
        return none_found(f"{len(used)} of {len(budgets)} budgets can be used; 2 needed, and 4 to be worth much")
    x = np.log([budget.flops for budget in used])
    n, d = (np.log([getattr(budget, name) for budget in used]) for name in ("n_params", "n_tokens"))
    return _power_law(*QUANTITIES[0], x, n, level), _power_law(*QUANTITIES[1], x, d, level)


def none_found(reason: str) -> tuple[Unavailable, Unavailable]:
    """What stands for N_opt(C) and D_opt(C) where there are none."""
    (n_name, n_unit), (d_name, d_unit) = QUANTITIES
    return Unavailable(f"{n_name}(C)", reason, n_unit), Unavailable(f"{d_name}(C)", reason, d_unit)


def _power_law(name: str, unit: str, x: Floats, y: Floats, level: float) -> PowerLaw:
    exponent, middle = line(x, y)
    return PowerLaw(name, unit, exponent, math.exp(x.mean()), math.exp(middle), _jackknife(name, x, y, exponent, level))


def _jackknife(name: str, x: Floats, y: Floats, exponent: float, level: float) -> Interval | Unavailable:
    k, target = len(x), f"exponent of {name}"
    if k < 3:
        return Unavailable(target, f"an interval needs 3 budgets; {k} can be used")
    others = ~np.eye(k, dtype=bool)
    slopes = np.array([line(x[keep], y[keep])[0] for keep in others])
    error = math.sqrt((k - 1) / k * ((slopes - slopes.mean()) ** 2).sum())
    half = error * float(stats.t.ppf(0.5 + level / 2, k - 1))
    method = f"jackknife over {k} budgets, Student's t({k - 1})"
    return Interval(target, exponent, exponent - half, exponent + half, level, method)
