"""How a learning rate goes on: the rest of a schedule, from its shape or from a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import DataError, UsageError
from scalelaw.forecasting.curves import Curve
from scalelaw.runs import Floats

SHAPES: dict[str, Callable[[Floats, float], Floats]] = {
    "constant": lambda x, ratio: np.ones_like(x),
    "linear": lambda x, ratio: 1.0 + (ratio - 1.0) * x,
    "cosine": lambda x, ratio: ratio + (1.0 - ratio) * 0.5 * (1.0 + np.cos(np.pi * x)),
    "exponential": lambda x, ratio: ratio**x,
}
"""The rate as a share of its peak at x, from 0 where the decay begins to 1 at the last step; `ratio` is the end's."""
LEAST = 1e-6
"""Share of its peak below which a rate is not let fall: a rate of 0 moves nothing."""
OFF = 0.02
"""Share of the peak by which the shape may miss a logged rate."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A schedule's rest: `shape` of `SHAPES`, the run's last step, the rate there, and where its decay begins.

    `decay_from` is by default the last logged step at the peak: now, for a rate that has not fallen yet, and the end of
    the warm-up for a decay that is under way.
    """

    shape: str
    steps: int
    final_lr: float = 0.0
    decay_from: int | None = None


def continued(curve: Curve, rest: Rest) -> Curve:
    """The curve with the learning rates of the steps to come.

    Raises:
        UsageError: for an unknown shape, or an end that does not lie ahead.
        DataError: where the shape contradicts the rates that were logged.
    """
    if rest.shape not in SHAPES:
        raise UsageError(f"Unknown schedule {rest.shape!r}. Known: {', '.join(SHAPES)}, or a file with step and lr.")
    if rest.steps <= curve.last:
        raise UsageError(
            f"The run's last step must lie ahead of step {curve.last}; found --steps {rest.steps}. "
            "Next: give the step at which the run will end."
        )
    peak = float(curve.rates.max())
    at_peak = curve.step[curve.rates[curve.step - 1] >= peak * (1 - 1e-6)]
    begin = int(at_peak[-1]) if rest.decay_from is None else rest.decay_from
    if begin >= rest.steps:
        raise UsageError(f"The decay must begin before the last step {rest.steps}; found --decay-from {begin}.")
    steps = np.arange(1, rest.steps + 1)
    x = np.clip((steps - begin) / (rest.steps - begin), 0.0, 1.0)
    planned = peak * SHAPES[rest.shape](x, max(rest.final_lr / peak, LEAST))
    logged = curve.step[curve.step >= begin]
    miss = np.abs(planned[logged - 1] - curve.rates[logged - 1])
    if len(miss) and miss.max() > OFF * peak:
        where = int(logged[miss.argmax()])
        raise DataError(
            "E_SCHEDULE",
            f"at step {where} a {rest.shape} schedule to step {rest.steps} has the rate {planned[where - 1]:.4g}",
            column="lr",
            value=f"{curve.rates[where - 1]:.4g}",
            remedy="correct --schedule, --steps, --final-lr or --decay-from, or give the schedule as a file",
        )
    return replace(curve, rates=np.concatenate([curve.rates[: curve.last], planned[curve.last :]]))


def continued_as(curve: Curve, step: ArrayLike, rate: ArrayLike) -> Curve:
    """The curve with the steps to come as planned: rates at some steps, straight lines in between.

    Raises:
        DataError: where the plan does not reach beyond the last logged step, or has no positive rates.
    """
    at, rates = np.asarray(step, dtype=float), np.asarray(rate, dtype=float)
    if not len(at) or at[-1] <= curve.last or (np.diff(at) <= 0).any():
        raise DataError(
            "E_SCHEDULE",
            f"the schedule's steps must rise to beyond step {curve.last}, where the run is",
            value=at[-1] if len(at) else None,
            remedy="give the schedule up to the run's last step",
        )
    if not (np.isfinite(rates) & (rates >= 0)).all():
        raise DataError("E_SCHEDULE", "a planned learning rate is missing or negative", column="lr")
    ahead = at > curve.last
    known = np.concatenate([[curve.last], at[ahead]]), np.concatenate([[curve.rates[curve.last - 1]], rates[ahead]])
    to_come = np.interp(np.arange(curve.last + 1, int(at[-1]) + 1), *known)
    least = LEAST * curve.rates.max()
    return replace(curve, rates=np.concatenate([curve.rates[: curve.last], np.maximum(to_come, least)]))
