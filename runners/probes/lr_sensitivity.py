"""How much a learning rate that is off costs. From the trials of a sweep; needs no torch.

    sensitivity = mean over the rates of  min(loss, l0)  -  least loss over the rates       nats/token

with l0 the loss at initialisation, which also stands for a diverged run (Wortsman et al. 2023, arXiv
2309.14322). The rates are spaced evenly in their logarithm and the same for all models that are compared: here those
tried at every width of every parametrization. Intervals are Student's t over seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from runners.probes._seeds import mean_interval
from runners.probes.trials import Trial
from scalelaw.errors import DataError, UsageError
from scalelaw.results import Interval, Unavailable


@dataclass(frozen=True)
class Sensitivity:
    """One model's sensitivity: the mean over seeds of `sensitivity`."""

    family: str
    width: int
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    value: float
    interval: Interval | Unavailable
    diverged: int

    def as_row(self) -> dict[str, Any]:
        """A row of a table."""
        return {
            "family": self.family,
            "width": self.width,
            "sensitivity": self.value,
            "low": getattr(self.interval, "low", None),
            "high": getattr(self.interval, "high", None),
            "rates": len(self.rates),
            "seeds": len(self.seeds),
            "diverged": self.diverged,
            "note": getattr(self.interval, "reason", ""),
        }


@dataclass(frozen=True)
class LrSensitivity:
    """The sensitivity of every model of a sweep over the same rates."""

    initial_loss: float
    rates: tuple[float, ...]
    models: tuple[Sensitivity, ...]

    @property
    def sentence(self) -> str:
        """The range of rates, and the least and the most sensitive model."""
        least, most = (end(self.models, key=lambda model: model.value) for end in (min, max))
        span = f"Over {len(self.rates)} rates from {self.rates[0]:.4g} to {self.rates[-1]:.4g}"
        if least is most:
            return f"{span}, {_named(least)} loses {_size(least)} nats/token on average."
        return (
            f"{span}, {_named(most)} is the most sensitive, {_size(most)} nats/token lost on average, and "
            f"{_named(least)} the least, {_size(least)}."
        )

    def rows(self) -> list[dict[str, Any]]:
        """A row for each model."""
        return [model.as_row() for model in self.models]


def sensitivity(losses: ArrayLike, initial_loss: float) -> float:
    """The formula above, of the losses at each rate; an infinite one is a run that diverged.

    >>> round(sensitivity([4.5, 4.0, 9.0], 7.0), 2), round(sensitivity([4.2, 4.0, 4.3], 7.0), 2)
    (1.17, 0.17)
    """
    capped = np.minimum(np.asarray(losses, dtype=float), initial_loss)
    return float(capped.mean() - capped.min())


def lr_sensitivity(trials: Sequence[Trial], initial_loss: float, level: float = 0.95) -> LrSensitivity:
    """The sensitivity of each parametrization, on each corpus, at each width.

    Raises:
        UsageError: for an initial loss that is not positive.
        DataError: where fewer than two rates were tried by every model.
    """
    if not 0 < initial_loss < np.inf:
        raise UsageError(f"The loss at initialisation must be a positive number; found {initial_loss:g}.")
    models: dict[tuple[str, int], list[Trial]] = {}
    for trial in sorted(trials):
        models.setdefault((trial.family, trial.width), []).append(trial)
    tried = [{trial.lr for trial in mine} for mine in models.values()]
    rates = tuple(sorted(set.intersection(*tried))) if tried else ()
    if len(rates) < 2:
        raise DataError("E_NO_ROWS", f"a sensitivity needs two rates that every width tried; found {len(rates)}")
    measured = (_of_model(*model, rates, mine, initial_loss, level) for model, mine in models.items())
    return LrSensitivity(initial_loss, rates, tuple(measured))


def _of_model(
    family: str, width: int, rates: tuple[float, ...], trials: Sequence[Trial], initial_loss: float, level: float
) -> Sensitivity:
    losses = {(trial.seed, trial.lr): trial.loss for trial in trials}
    seeds = tuple(s for s in sorted({trial.seed for trial in trials}) if all((s, rate) in losses for rate in rates))
    if not seeds:
        raise DataError("E_NO_ROWS", f"no seed of {family}, width {width}, was tried at all of {len(rates)} rates")
    values = [sensitivity([losses[seed, rate] for rate in rates], initial_loss) for seed in seeds]
    interval = mean_interval(f"sensitivity of {family}, width {width}", values, level, "nats/token")
    diverged = int(np.isinf([losses[seed, rate] for seed in seeds for rate in rates]).sum())
    return Sensitivity(family, width, rates, seeds, float(np.mean(values)), interval, diverged)


def _named(model: Sensitivity) -> str:
    return f"{model.family} at width {model.width}"


def _size(model: Sensitivity) -> str:
    known = model.interval
    return f"{model.value:.3f}" + (f" [{known.low:.3f}, {known.high:.3f}]" if isinstance(known, Interval) else "")
