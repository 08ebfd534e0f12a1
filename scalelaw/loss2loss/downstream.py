"""Error on a task from the loss, and from N and D in two steps: the law gives the loss, a link the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import STARTS, Fit, fit
from scalelaw.intervals._refit import reweighted
from scalelaw.intervals.base import LEVEL, check_level
from scalelaw.laws import Law, Param
from scalelaw.laws._formula import FormulaLaw
from scalelaw.loss2loss.relating import fit_surface
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats, RunTable

Link = Literal["exponential", "sigmoid"]
LOSS = "column(loss_nats)"
LINKS = {
    "exponential": (
        f"epsilon - k * exp(-gamma * {LOSS})",
        "Gadre et al. 2024, arXiv 2403.08540",
        (
            Param("epsilon", "error", "error at a large loss", 1e-6, 2.0, (0.5, 1.0)),
            Param("k", "error", "how much the error falls", 1e-9, 1e9, (0.3, 10.0)),
            Param("gamma", "1/nat", "how fast it falls", 1e-3, 20.0, (0.3, 3.0)),
        ),
    ),
    "sigmoid": (
        f"floor + height / (1 + exp(rate * (middle - {LOSS})))",
        "Bhagia et al. 2024, arXiv 2412.04403, its second step",
        (
            Param("floor", "error", "error at a small loss", 0.0, 1.0, (0.01, 0.3)),
            Param("height", "error", "error at a large loss minus that", 1e-6, 1.5, (0.2, 1.0)),
            Param("rate", "1/nat", "steepness", 1e-3, 50.0, (0.5, 8.0)),
            Param("middle", "nats/token", "loss where half is gone", 0.0, 20.0, (1.0, 5.0)),
        ),
    ),
}
"""Links by name: the error as a formula of the loss, where it is from, its parameters."""


@dataclass(frozen=True)
class Downstream:
    """The two steps fitted to one table.

    Attributes:
        surface: step one, the loss from N and D.
        link: step two, the error from the observed loss.
        error: the column of errors.
    """

    surface: Fit
    link: Fit
    error: str

    def from_loss(self, loss: float) -> float:
        """The error at a loss in nats per token."""
        return float(self.link.predict(loss_nats=loss)[0])

    def interval(
        self, n_params: float, n_tokens: float, *, level: float = LEVEL, replicates: int = 400, seed: int = 0
    ) -> Interval | Unavailable:
        """Where the error of a model of N parameters and D tokens lies on the two curves.

        Each replicate draws groups of runs once and fits both steps to them again, so that what the steps get wrong
        together stays together.
        """
        check_level(level)
        runs = self.surface.runs
        number = {group: i for i, group in enumerate(runs.groups)}
        members = np.array([number[group] for group in runs.group])
        drawn = np.random.default_rng([seed, 0]).multinomial(
            len(number), np.full(len(number), 1.0 / len(number)), size=replicates
        )[:, members]
        surface, link = (reweighted(step, drawn * runs.weight) for step in (self.surface, self.link))
        estimate = self._error(self.surface.natural[None], self.link.natural[None], n_params, n_tokens)[0]
        values = self._error(surface, link, n_params, n_tokens)
        known, tail = np.isfinite(values), (1 - level) / 2
        target = f"{self.error} at N {n_params:.3g}, D {n_tokens:.3g}"
        lost = int((~known).sum())
        if lost > tail * replicates:
            return Unavailable(target, f"{lost} of {replicates} replicates reached no optimum", "error")
        low = np.quantile(np.where(known, values, values[known].min()), tail)
        high = np.quantile(np.where(known, values, values[known].max()), 1 - tail)
        method = (
            f"pairs bootstrap over {len(number)} groups, both steps fitted again, percentile, "
            f"{replicates} replicates, seed {seed}"
        )
        note = f"{lost} replicates without a value count against both ends" if lost else ""
        return Interval(target, float(estimate), float(low), float(high), level, method, "error", "confidence", note)

    def _error(self, surface: Floats, link: Floats, n_params: float, n_tokens: float) -> Floats:
        """The error for each member of both steps, `[b]`."""
        loss = self.surface.law.predict(surface, np.array([[n_params, n_tokens]]))[:, 0]
        rows = [self.link.law.predict(link[i : i + 1], np.array([[loss[i]]]))[0, 0] for i in range(len(loss))]
        return np.array(rows)


def downstream(
    runs: RunTable,
    error: str,
    link: Link = "exponential",
    *,
    law: str | Law = "chinchilla",
    starts: int = STARTS,
    seed: int = 0,
) -> Downstream:
    """Fit the loss to N and D, and the error in column `error` to the loss, by least squares of the logarithms.

    Raises:
        UsageError: for an unknown link or column.
        DataError: for an error outside (0, 1], such as an accuracy in percent.
    """
    if link not in LINKS:
        raise UsageError(f"Unknown link {link!r}. Known: {', '.join(LINKS)}.")
    formula, source, params = LINKS[link]
    try:
        errors = np.asarray(runs.column(error), dtype=float)
    except ValueError as problem:
        raise DataError("E_NOT_A_NUMBER", f"an error must be a number ({problem})", column=error) from None
    bad = np.flatnonzero(~((errors > 0) & (errors <= 1)))
    if len(bad):
        row = runs.run(int(bad[0]))
        raise DataError(
            "E_NOT_AN_ERROR",
            "an error is a share of wrong answers, above 0 and at most 1",
            file=row.file or None,
            line=row.line or None,
            column=error,
            value=errors[bad[0]],
            remedy="give 1 - accuracy as a share",
        )
    table = RunTable.of(loss=errors, extras={"loss_nats": runs.loss}, group=runs.group, weight=runs.weight)
    step = FormulaLaw(formula, params, source=source, response_unit="error")
    second = fit(step, table, "log_least_squares", starts=starts, seed=seed)
    return Downstream(fit_surface(runs, law, starts=starts, seed=seed), second, error)
