"""The critical batch size, from how many steps runs of several batch sizes take to one loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import DataError
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import uncertainty
from scalelaw.laws import FormulaLaw
from scalelaw.laws.base import Param
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable

LAW = FormulaLaw(
    "S_min * (1 + B_crit / column(batch))",
    (
        Param("S_min", "steps", "steps that no batch, however large, goes below"),
        Param("B_crit", "batch", "batch at which both steps and examples are twice their least"),
    ),
    name="critical_batch",
    source="McCandlish et al. 2018, arXiv 1812.06162, eq. 2.11",
    response="steps",
    response_unit="steps",
    identifiability="Batches on either side of B_crit, the learning rate tuned for each.",
)


@dataclass(frozen=True)
class CriticalBatch:
    """The hyperbola (S/S_min - 1)(E/E_min - 1) = 1 of steps S and examples E = B S to a loss.

    `fit` is S = S_min (1 + B_crit/B), the same hyperbola; `b_crit` in the unit of the batches, `s_min` in steps.
    """

    fit: Fit
    b_crit: Interval | Unavailable
    s_min: Interval | Unavailable

    @property
    def e_min(self) -> float:
        """The fewest examples, in the batch's unit: E_min = B_crit S_min."""
        return self.fit.value("B_crit") * self.fit.value("S_min")


def critical_batch(batch: ArrayLike, steps: ArrayLike, *, level: float = 0.95) -> CriticalBatch:
    """The critical batch size from the steps that runs of several batch sizes took to one loss (`steps_to_loss`).

    Least squares of ln S; intervals from the covariance of the fit. Batches may be counted in examples or tokens.

    Raises:
        DataError: below three different batch sizes, or where the steps do not fall with the batch.

    Source: McCandlish et al. 2018, arXiv 1812.06162, eq. 2.11; B_crit = E_min / S_min.
    """
    B, S = np.asarray(batch, dtype=float), np.asarray(steps, dtype=float)
    if len(np.unique(B)) < 3:
        raise DataError("E_TOO_FEW_RUNS", "a critical batch size needs three batch sizes", value=len(np.unique(B)))
    if S[B.argmin()] <= S[B.argmax()]:
        raise DataError("E_WRONG_SIGN", "a larger batch should take fewer steps to a loss, and here does not",
                        remedy="tune the learning rate for each batch size")  # fmt: skip
    runs = RunTable.of(loss=np.ones(len(B)), extras={"batch": B, "steps": S})
    found = fit(LAW, runs, "log_least_squares")
    known = uncertainty(found, "wald")
    return CriticalBatch(found, known.interval("B_crit", level), known.interval("S_min", level))


def steps_to_loss(step: ArrayLike, loss: ArrayLike, target: float) -> float:
    """The step at which a curve first comes down to a loss, between points along ln step; NaN if it never does.

    >>> steps_to_loss([10, 100, 1000], [3.0, 2.0, 1.0], 1.5).__round__(3)
    316.228
    """
    at, losses = np.asarray(step, dtype=float), np.asarray(loss, dtype=float)
    below = np.flatnonzero(losses <= target)
    if not len(below):
        return float("nan")
    i = int(below[0])
    if i == 0:
        return float(at[0])
    share = (losses[i - 1] - target) / (losses[i - 1] - losses[i])
    return float(np.exp(np.log(at[i - 1]) + share * np.log(at[i] / at[i - 1])))
