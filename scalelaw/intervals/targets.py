"""What an interval can be about: a parameter, a loss, or a compute-optimal size. Each follows from the parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from scalelaw.fitting import Fit, stack_inputs
from scalelaw.laws.base import Floats
from scalelaw.numbers import format_quantity


class Target(ABC):
    """A number that follows from a law's parameters.

    `positive` says on which scale its intervals are made: losses, sizes and coefficients on the logarithm, where their
    errors are even and their ends stay positive; exponents and the irreducible loss, which may be 0, as they are.
    """

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is, for tables."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """Its unit."""

    @property
    def positive(self) -> bool:
        """Whether intervals are made on the log scale."""
        return True

    def least(self, fit: Fit) -> float:
        """The least value it can have; ends of intervals do not go below."""
        return -math.inf

    @abstractmethod
    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The number for each member of `natural[b, p]`, `[b]`; NaN where it does not exist."""


def forward(target: Target, values: Floats) -> Floats:
    """Values on the scale the target's intervals are made on."""
    return np.log(values) if target.positive else values


def backward(target: Target, values: Floats) -> Floats:
    """The inverse of `forward`."""
    with np.errstate(over="ignore"):
        return np.exp(values) if target.positive else values


@dataclass(frozen=True)
class Parameter(Target):
    """A natural parameter of the law, by name. Coefficients, which have a unit of their own, are positive."""

    name: str
    unit: str = ""

    @property
    def label(self) -> str:
        """The parameter's name."""
        return self.name

    @property
    def positive(self) -> bool:
        """True for coefficients, false for exponents and losses."""
        return self.unit not in ("", "nats/token")

    def least(self, fit: Fit) -> float:
        """0 where the law bounds the parameter there."""
        low = fit.law.bounds(fit.problem.z)[0][fit.law.names.index(self.name)]
        return 0.0 if low == 0 else -math.inf

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The parameter's column."""
        fit.value(self.name)
        return natural[:, fit.law.names.index(self.name)]


@dataclass(frozen=True)
class LossAt(Target):
    """The law's loss, nats per token, at inputs given by name: `LossAt(n_params=1e9, n_tokens=2e10)`."""

    inputs: dict[str, float | str]
    unit = "nats/token"

    def __init__(self, **inputs: float | str) -> None:
        object.__setattr__(self, "inputs", inputs)

    @property
    def label(self) -> str:
        """Loss with its inputs."""
        shown = {k: v if isinstance(v, str) else format_quantity(v) for k, v in self.inputs.items()}
        return "loss at " + ", ".join(f"{name} {value}" for name, value in shown.items())

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """L in nats per token."""
        return fit.law.predict(natural, stack_inputs(fit.law, self.inputs))[:, 0]


@dataclass(frozen=True)
class AtOptimum(Target):
    """Something of the allocation of least loss for a budget of `flops` = 6 N D.

    It is NaN for a replicate whose optimum is not inside the positive numbers.
    """

    flops: float
    name: ClassVar[str]
    unit: ClassVar[str]

    @property
    def label(self) -> str:
        """The quantity with its budget."""
        return f"{self.name} at {self.flops:.3g} FLOP"

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The quantity for each member of `natural[b, p]`, `[b]`."""
        return self.of(fit, natural, *_optimum(fit, natural, self.flops))

    @abstractmethod
    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """The quantity from N and D of least loss, `[b]` each."""


class OptimalParams(AtOptimum):
    """The parameters N of least loss."""

    name = "N_opt"
    unit = "parameters"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """N."""
        return n_params


class OptimalTokens(AtOptimum):
    """The tokens D of least loss."""

    name = "D_opt"
    unit = "tokens"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """D."""
        return n_tokens


class OptimalRatio(AtOptimum):
    """Tokens per parameter at the optimum."""

    name = "D_opt/N_opt"
    unit = "tokens/parameter"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """D / N."""
        return n_tokens / n_params


class OptimalLoss(AtOptimum):
    """The least loss that the budget can buy."""

    name = "least loss"
    unit = "nats/token"

    def of(self, fit: Fit, natural: Floats, n_params: Floats, n_tokens: Floats) -> Floats:
        """L at each member's own optimum."""
        loss = np.full(len(natural), np.nan)
        for i in np.flatnonzero(np.isfinite(n_params)):
            loss[i] = fit.law.predict(natural[i : i + 1], np.array([[n_params[i], n_tokens[i]]]))[0, 0]
        return loss


@dataclass(frozen=True)
class OptimalExponent(Target):
    """a_opt = d ln N_opt / d ln C, how the best size grows with compute; for Chinchilla's law beta / (alpha + beta).

    It is taken between budgets a tenth to either side of `flops`, by default of the runs' geometric mean 6 N D: laws
    whose optimum is a power of C have the same exponent everywhere.
    """

    flops: float | None = None
    label = "a_opt"
    unit = ""
    positive = False

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The exponent for each member of `natural[b, p]`, `[b]`."""
        runs = fit.runs
        flops = self.flops or float(np.exp(np.log(6.0 * runs.n_params * runs.n_tokens).mean()))
        low, high = (_optimum(fit, natural, flops * factor)[0] for factor in (1 / 1.1, 1.1))
        return np.asarray(np.log(high / low) / (2.0 * math.log(1.1)))


def _optimum(fit: Fit, natural: Floats, flops: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        n_params, n_tokens = fit.law.optimum(natural, flops)
    inside = np.isfinite(n_params) & np.isfinite(n_tokens) & (n_params > 0) & (n_tokens > 0)
    return np.where(inside, n_params, np.nan), np.where(inside, n_tokens, np.nan)
