"""The verb: a law, a table of runs and an objective make a `Fit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.diagnosing import diagnose
from scalelaw.errors import DataError, UsageError
from scalelaw.identifiability import (
    UNIDENTIFIED,
    WEAK,
    Knowledge,
    knowledge,
    refuse_hopeless,
    refuse_wrong_sign,
)
from scalelaw.laws import Law, get_law
from scalelaw.objectives import Objective, get_objective
from scalelaw.results import Certificate, Finding
from scalelaw.runs import QUANTITIES, RunTable
from scalelaw.searching import Search, search
from scalelaw.solver import Problem

if TYPE_CHECKING:
    import lmfit

Floats = NDArray[np.float64]

STARTS = 64
"""Starts polished by default; every one of them normally reaches the optimum, and the certificate says how many did."""
FEW = 20
"""Below so many runs the default objective is least squares: a robust scale cannot be had from fewer."""


@dataclass(frozen=True)
class Fit:
    """A law fitted to runs: the estimate, and a certificate that says how far to trust it.

    Attributes:
        law: the family.
        runs: the runs it was fitted to.
        objective: what was minimised.
        theta: the working parameters, `[p]`; `estimate` holds the natural ones.
        centre: what the law's coordinates are measured from, `[k]`.
        certificate: why this is the optimum, or why not.
        seed: the seed of the starts.
    """

    law: Law
    runs: RunTable
    objective: Objective
    theta: Floats
    centre: Floats
    certificate: Certificate
    seed: int

    @cached_property
    def natural(self) -> Floats:
        """The natural parameters in the law's order, `[p]`."""
        return np.asarray(self.law.natural(self.theta[None], self.centre)[0])

    @cached_property
    def estimate(self) -> Mapping[str, float]:
        """Natural parameters by name, in the units of `law.params`."""
        return dict(zip(self.law.names, map(float, self.natural), strict=True))

    def value(self, name: str) -> float:
        """One parameter; `UsageError` lists the names there are."""
        if name not in self.estimate:
            raise UsageError(f"Unknown parameter {name!r} of {self.law.label}. Known: {', '.join(self.law.names)}.")
        return self.estimate[name]

    @cached_property
    def problem(self) -> Problem:
        """The minimisation problem this fit solved; replicates solve it again with other weights."""
        z = self.law.coordinates(self.law.read(self.runs), self.centre)
        return Problem(self.law, self.objective.stages()[-1], z, np.log(self.law.observed(self.runs)))

    @cached_property
    def residuals(self) -> Floats:
        """ln(observed / predicted) of every run, `[n]`."""
        return np.asarray(self.problem.log_y - self.law.log_loss(self.theta[None], self.problem.z)[0])

    def predict(self, **inputs: ArrayLike) -> Floats:
        """The law's loss in nats per token at inputs given by column name, broadcast together."""
        return np.asarray(self.law.predict(self.natural[None], stack_inputs(self.law, inputs))[0])

    def identified(self, name: str) -> bool:
        """Whether the runs know this parameter to better than a factor of e (one standard error)."""
        self.value(name)
        return self.certificate.log_errors[self.law.names.index(name)] < 1.0

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a careful reader should know about this fit."""
        return tuple(diagnose(self))

    def summary(self) -> str:
        """The estimate and the certificate as text."""
        lines = [f"{self.law.label}: {self.law.formula}"]
        for param in self.law.params:
            known = self.identified(param.name)
            shown = f"{self.estimate[param.name]:.6g} {param.unit}" if known else "not identified by these runs"
            lines.append(f"  {param.name:8s} {shown}".rstrip())
        for name, (value, why) in self.law.held(self.natural).items():
            lines.append(f"  {name:8s} {value:.6g} ({why})")
        lines += [f"objective {self.certificate.objective:.10g} ({self.objective.label})", self.certificate.outcome]
        return "\n".join(lines + [str(finding) for finding in self.findings])

    __str__ = summary

    def to_lmfit(self, *, log: bool = False) -> tuple[lmfit.Model, lmfit.Parameters]:
        """The fit as an lmfit model with its parameters; see `scalelaw.lmfit_bridge.to_lmfit`."""
        from scalelaw.lmfit_bridge import to_lmfit

        return to_lmfit(self, log=log)

    def save(self, path: str | Path) -> None:
        """Write the fit with its runs as JSON, so that intervals and plans can be made from the file alone."""
        from scalelaw.fit_file import save_fit

        save_fit(self, path)


def stack_inputs(law: Law, inputs: Mapping[str, ArrayLike]) -> Floats:
    """Inputs by name as `[n, k]` in the law's order; `UsageError` where a name is missing or unknown."""
    if set(inputs) != set(law.inputs):
        raise UsageError(f"The law {law.label} takes {', '.join(law.inputs)}; found {', '.join(inputs) or 'nothing'}.")
    columns = np.broadcast_arrays(*(np.atleast_1d(law.encode(name, inputs[name])) for name in law.inputs))
    for name, column in zip(law.inputs, columns, strict=True):
        # Counts enter by their logarithms; other columns, such as the annealing area of a constant rate, may be 0.
        bad = ~np.isfinite(column) | (column <= 0 if name in QUANTITIES else column < 0)
        if bad.any():
            raise DataError("E_NOT_POSITIVE", f"{name} must be a positive number", column=name, value=column[bad][0])
    return np.stack([column.ravel() for column in columns], axis=1)


def fit(
    law: str | Law,
    runs: RunTable,
    objective: str | Objective = "auto",
    *,
    starts: int = STARTS,
    seed: int = 0,
) -> Fit:
    """Fit a law to runs and certify the optimum.

    Args:
        law: a name such as `chinchilla` or `power_constant(n_tokens)`, or a `Law`.
        objective: a name such as `log_huber` (summed, delta 1e-3: the published mode), or an `Objective`. `auto` is
            `adaptive_huber`, whose delta follows the scatter of the runs, and least squares of the log below 20 runs.
        starts: how many starting points are polished, spread over the plausible by `seed`.

    Raises:
        DataError: where the runs cannot determine the law at all (too few, one size only, D/N constant, ...), and where
            the loss rises with what it should fall with.
    """
    law, objective = get_law(law), _choose(objective, len(runs))
    refuse_hopeless(law, runs)
    inputs = law.read(runs)
    centre = law.centre(inputs)
    z = law.coordinates(inputs, centre)
    found = search(law, objective, z, law.observed(runs), runs.weight, starts, seed)
    refuse_wrong_sign(law, runs, found.theta, z)
    return Fit(law, runs, found.objective, found.theta, centre, _certify(law, runs, z, centre, found, starts), seed)


def _choose(objective: str | Objective, n: int) -> Objective:
    if objective == "auto":
        return get_objective("adaptive_huber" if n >= FEW else "log_least_squares")
    return get_objective(objective)


def _certify(law: Law, runs: RunTable, z: Floats, centre: Floats, found: Search, starts: int) -> Certificate:
    theta, log_y = found.theta, np.log(law.observed(runs))
    low, high = law.bounds(z)
    bounds = tuple(name for name, at in zip(law.names, (theta <= low) | (theta >= high), strict=True) if at)
    known = knowledge(law, theta, z, centre, law.log_loss(theta[None], z)[0] - log_y, runs.weight)
    value = Problem(law, found.objective, z, log_y).objective(theta[None], runs.weight[None])[0]
    return Certificate(
        converged=found.converged,
        outcome=_outcome(found, starts, bounds, known),
        objective=float(value),
        decrement=found.gain,
        starts=starts,
        share_agreeing=found.agreeing,
        active_bounds=bounds,
        condition=known.condition,
        lambda_min=known.lambda_min,
        log_errors=tuple(map(float, known.log_errors)),
        flattest=known.flattest,
    )


def _outcome(found: Search, starts: int, bounds: tuple[str, ...], known: Knowledge) -> str:
    if not found.converged:
        return "No optimum was reached: a further step would still lower the objective. Next: raise --starts."
    where = f" on a sample of {found.sampled:,} runs" if found.sampled else ""
    sentence = f"Optimum certified: {found.agreeing:.0%} of {starts} starts agree to 1e-9{where}, nothing left to gain"
    if bounds:
        sentence += f"; at its bound: {', '.join(bounds)}"
    if known.lambda_min < UNIDENTIFIED:
        return f"{sentence}; the runs do not identify every parameter (lambda_min {known.lambda_min:.2g} < 1)."
    if known.lambda_min < WEAK:
        return f"{sentence}; parameters are weakly identified (lambda_min {known.lambda_min:.2g} < 16)."
    return f"{sentence}; parameters are identified (lambda_min {known.lambda_min:.3g})."
