"""The verb: a running job's curve and its schedule's rest -> the loss it will end with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from scalelaw.errors import DataError, NotConvergedError, UsageError
from scalelaw.fitting import Fit, fit
from scalelaw.forecasting.curves import BLOCKS, Curve, table
from scalelaw.intervals import LossAt, uncertainty
from scalelaw.intervals.base import LEVEL, check_level
from scalelaw.laws import get_law
from scalelaw.laws.multi_power import MultiPower
from scalelaw.laws.tissue import annealing_areas
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats

Steps = NDArray[np.int64]

LAWS = ("multi_power", "tissue")
FEWEST = 20
"""Points in all below which seven parameters are not fitted."""
STARTS = 2
"""Starts of a fit: on the published curves two agree to nine digits with 64."""
TAIL = 0.05
"""Share of a curve's points at its end whose mean loss stands for its last loss where a forecast is judged."""

MEASURED = (
    "at 95 %, on the multi-power-law curves of three sizes, three schedules given: 18 of 18 final losses of others "
    "inside before their first point, 17 of 18 half way"
)
"""What `tests/forecasting/test_published.py` finds of the interval; it was made with these curves in view."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A forecast of what is known: of which curve, made at which step for which, and each law's error in ln L.

    `kind` is `own past` (the run's later points hidden) or `left out` (another curve hidden as a whole).
    """

    kind: str
    curve: str
    at: int
    of: int
    errors: tuple[float, ...]

    @property
    def error(self) -> float:
        """The error of the laws' geometric mean, in ln L."""
        return float(np.mean(self.errors))


@dataclass(frozen=True)
class Forecast:
    """The loss a run will end with.

    Attributes:
        curve: the run, with the learning rates to come.
        fits: a fit of each law to the other curves and the run's own points so far.
        loss: the geometric mean of the laws' losses at the last step, nats/token, with a prediction interval.
        by_law: what each law says alone, nats/token.
        trials: the errors of forecasts whose truth is known, by the same laws.
    """

    curve: Curve
    fits: tuple[Fit, ...]
    loss: Interval | Unavailable
    by_law: dict[str, float]
    trials: tuple[Trial, ...]

    def path(self, steps: Sequence[int]) -> Floats:
        """The forecast at steps of the run, nats/token."""
        return mean_loss(self.fits, self.curve, np.asarray(steps, dtype=np.int64))


def forecast(
    curve: Curve,
    fitted_on: Sequence[Curve] = (),
    *,
    laws: Sequence[str] = LAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Forecast:
    """The loss at the end of a run whose schedule is known (`continued`), from its curve and those of other schedules.

    Each law is fitted to all points together; the others must be of the same model, data and batch, under other
    schedules or of another length. On the log scale an end of the interval is t sqrt(s^2 + n^2 + d^2) away. s is the
    laws' mean standard error from their parameters (`sandwich` over stretches of curves, for points near one another
    share their noise), n^2 the mean square of the residuals, since one logged loss scatters. d^2 is the mean square of
    each law's errors in forecasts whose truth is known: each other curve left out, and the run's own past, of which a
    stretch at a constant rate tells nothing where the rest is to fall. t is Student's for as many degrees of freedom as
    there are such forecasts.

    Raises:
        DataError: where the rest of the schedule is unknown, points are too few, or no curve has a falling rate though
            the rest falls: nothing then tells what the fall brings.
        UsageError: for an unknown law, or curves of one name.
        NotConvergedError: where a fit has no optimum.
    """
    check_level(level)
    _refuse(curve, fitted_on, laws)
    fits = fit_laws([*fitted_on, curve], laws, seed)
    for found in fits:
        if not found.certificate.converged:
            raise NotConvergedError(f"{found.law.name}: {found.certificate.outcome}")
    trials = _trials(curve, fitted_on, laws, seed)
    end = np.array([curve.steps])
    by_law = {name: float(_predicted(found, curve, end)[0]) for name, found in zip(laws, fits, strict=True)}
    return Forecast(curve, fits, _interval(curve, fits, trials, level, seed), by_law, trials)


def _refuse(curve: Curve, others: Sequence[Curve], laws: Sequence[str]) -> None:
    unknown = [name for name in laws if name not in LAWS]
    if unknown or not laws:
        raise UsageError(f"Unknown law of the schedule {', '.join(unknown)!r}. Known: {', '.join(LAWS)}.")
    names = [other.name for other in (*others, curve)]
    if len(set(names)) < len(names):
        raise UsageError(f"Curves must have names of their own; found {', '.join(sorted(names))}.")
    if curve.steps <= curve.last:
        raise DataError(
            "E_SCHEDULE",
            f"how the learning rate of {curve.name} goes on after step {curve.last} is not known",
            remedy="tell it with --schedule and --steps, such as --schedule linear --steps 24000",
        )
    points = sum(len(one.step) for one in (*others, curve))
    if points < FEWEST:
        raise DataError("E_TOO_FEW_RUNS", f"a forecast needs {FEWEST} points or more", value=points,
                        remedy="log more often, or add curves with --fitted-on")  # fmt: skip
    ahead = curve.rates[max(curve.last - 1, 0) :]
    if _falls(ahead) and not any(one.falls for one in (*others, curve)):
        raise DataError(
            "E_SCHEDULE",
            f"the rate of {curve.name} is to fall, and no curve shows what a fall brings",
            value=f"{ahead[0]:.4g} to {ahead.min():.4g}",
            remedy="give curves of the same model whose rate fell with --fitted-on",
        )


def fit_laws(curves: Sequence[Curve], laws: Sequence[str] = LAWS, seed: int = 0) -> tuple[Fit, ...]:
    """Each law fitted to all points of all curves; curves without points are known to the fits by their schedules."""
    runs = table([one for one in curves if len(one.step)])
    schedules = {one.name: one.rates for one in curves}
    made = [MultiPower(schedules) if name == "multi_power" else get_law(name) for name in laws]
    return tuple(fit(law, runs, starts=STARTS, seed=seed) for law in made)


def _inputs(found: Fit, curve: Curve, steps: Steps) -> dict[str, Floats | float]:
    if isinstance(found.law, MultiPower):
        return {"schedule": found.law.number(curve.name), "step": steps.astype(float)}
    S1, S2 = annealing_areas(curve.rates)
    return {"S1": S1[steps - 1], "S2": S2[steps - 1]}


def _predicted(found: Fit, curve: Curve, steps: Steps) -> Floats:
    return found.predict(**_inputs(found, curve, steps))


def mean_loss(fits: Sequence[Fit], curve: Curve, steps: Steps) -> Floats:
    """The geometric mean of the laws' losses after steps of a curve the fits know, nats/token."""
    return np.asarray(np.exp(np.mean([np.log(_predicted(found, curve, steps)) for found in fits], axis=0)))


def _trials(curve: Curve, others: Sequence[Curve], laws: Sequence[str], seed: int) -> tuple[Trial, ...]:
    """Each other curve left out, and the run's later points hidden, as far ahead as the forecast reaches or less."""
    left_out = [("left out", hidden, 0, [one for one in (*others, curve) if one is not hidden]) for hidden in others]
    ratio = curve.last / curve.steps
    cuts = sorted({int(curve.last * ratio**power) for power in (1.0, 2 / 3, 1 / 3)} - {0, curve.last})
    falls = _falls(curve.rates[max(curve.last - 1, 0) :])
    own = [
        ("own past", curve, cut, [*others, curve.until(cut)])
        for cut in cuts
        if not falls or _falls(curve.rates[cut - 1 : curve.last])
    ]
    trials = []
    for kind, hidden, cut, known in [*left_out, *own]:
        seen = [one for one in known if len(one.step)]
        ahead = hidden.rates[max(cut - 1, 0) : hidden.last]
        if _enough(seen, ahead) and hidden.step[-1] > cut:
            # What the others cannot determine alone is no forecast to be judged.
            with suppress(DataError):
                fits = fit_laws([*seen, *([hidden.until(0)] if cut == 0 else [])], laws, seed)
                trials.append(_judged(kind, fits, hidden, cut))
    return tuple(trials)


def _falls(rates: Floats) -> bool:
    """Whether a rate comes to lie a tenth below what it was."""
    return bool((rates < 0.9 * np.maximum.accumulate(rates)).any())


def _enough(curves: Sequence[Curve], ahead: Floats) -> bool:
    """Whether a forecast from these curves would not have been refused."""
    return sum(len(one.step) for one in curves) >= FEWEST and (not _falls(ahead) or any(one.falls for one in curves))


def _judged(kind: str, fits: Sequence[Fit], curve: Curve, cut: int) -> Trial:
    last = max(1, round(TAIL * len(curve.step)))
    steps, losses = curve.step[-last:], curve.loss[-last:]
    errors = tuple(float(np.mean(np.log(_predicted(found, curve, steps) / losses))) for found in fits)
    return Trial(kind, curve.name, cut, curve.last, errors)


def _interval(
    curve: Curve, fits: Sequence[Fit], trials: Sequence[Trial], level: float, seed: int
) -> Interval | Unavailable:
    estimate = float(mean_loss(fits, curve, np.array([curve.steps]))[0])
    target, unit = f"loss of {curve.name} at step {curve.steps}", "nats/token"
    if not trials:
        reason = "there is no curve to leave out and too little past to test forecasts on; add curves or wait"
        return Unavailable(target, reason, unit)
    s = float(np.mean([_relative_error(found, curve, seed) for found in fits]))
    if not math.isfinite(s):
        reason = "the curves leave a parameter free, as where no rate falls; add curves of other schedules"
        return Unavailable(target, reason, unit)
    d = float(np.sqrt(np.mean(np.square([trial.errors for trial in trials]))))
    n = float(np.sqrt(np.mean([np.mean(found.residuals**2) for found in fits])))
    reach = float(stdtrit(len(trials), 0.5 + level / 2)) * math.hypot(s, n, d)
    method = (
        f"sandwich over {BLOCKS} stretches of each curve, scatter, and {len(trials)} forecasts of known losses; "
        f"Student's t with {len(trials)} degrees of freedom"
    )
    ends = estimate * math.exp(-reach), estimate * math.exp(reach)
    return Interval(target, estimate, *ends, level, method, unit, "prediction", MEASURED)


def _relative_error(found: Fit, curve: Curve, seed: int) -> float:
    inputs = {name: float(np.ravel(value)[0]) for name, value in _inputs(found, curve, np.array([curve.steps])).items()}
    target = LossAt(**inputs)
    return uncertainty(found, "sandwich", seed=seed).standard_error(target) / float(found.predict(**inputs)[0])
