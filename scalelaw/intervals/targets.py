"""What an interval can be about: a parameter, a loss, or a compute-optimal size. Each follows from the parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from scalelaw.fitting import Fit, stack_inputs
from scalelaw.laws.base import Floats
from scalelaw.numbers import format_quantity


class Target(Protocol):
    """A number that follows from a law's parameters."""

    @property
    def label(self) -> str: ...
    @property
    def unit(self) -> str: ...
    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The number for each member of `natural[b, p]`, `[b]`; NaN where it does not exist."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A natural parameter of the law, by name."""

    name: str
    unit: str = ""

    @property
    def label(self) -> str:
        """The parameter's name."""
        return self.name

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """The parameter's column."""
        fit.value(self.name)
        return natural[:, fit.law.names.index(self.name)]


@dataclass(frozen=True)
class LossAt:
    """The law's loss, nats per token, at inputs given by name: `LossAt(n_params=1e9, n_tokens=2e10)`."""

    inputs: dict[str, float]
    unit = "nats/token"

    def __init__(self, **inputs: float) -> None:
        object.__setattr__(self, "inputs", inputs)

    @property
    def label(self) -> str:
        """Loss with its inputs."""
        return "loss at " + ", ".join(f"{name} {format_quantity(value)}" for name, value in self.inputs.items())

    def evaluate(self, fit: Fit, natural: Floats) -> Floats:
        """L in nats per token."""
        return fit.law.predict(natural, stack_inputs(fit.law, self.inputs))[:, 0]


@dataclass(frozen=True)
class AtOptimum(ABC):
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


def _optimum(fit: Fit, natural: Floats, flops: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        n_params, n_tokens = fit.law.optimum(natural, flops)
    inside = np.isfinite(n_params) & np.isfinite(n_tokens) & (n_params > 0) & (n_tokens > 0)
    return np.where(inside, n_params, np.nan), np.where(inside, n_tokens, np.nan)
