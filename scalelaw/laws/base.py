"""What a scaling law is: a stateless formula evaluated for a batch of parameter vectors.

Shapes: b members of the batch, n runs, p parameters, k inputs. `theta[b, p]` are working parameters, in which the fit
is well conditioned; `natural[b, p]` are the ones a paper prints.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.runs import RunTable

Floats = NDArray[np.float64]
Contract = Callable[[Floats], Floats | None]


@dataclass(frozen=True, slots=True)
class Param:
    """A natural parameter of a law: its name, unit and meaning, the range it lies in, and where a search begins.

    `start` is the range of first guesses, spread evenly in the logarithm where both ends are positive.
    """

    name: str
    unit: str
    meaning: str
    low: float = 0.0
    high: float = np.inf
    start: tuple[float, float] = (0.05, 1.2)


class Law(ABC):
    """A family of curves, log-loss as a function of inputs, with exact derivatives.

    Subclasses state `name`, `formula`, `source`, `inputs` (columns of a `RunTable`) and `params`, and implement the
    abstract methods. A law predicts the loss in nats per token, or another positive column, `response`, in which case
    "loss" below stands for that. Inputs reach a law as coordinates `z[n, k]`, by default the logs of the inputs minus
    their mean.
    """

    name: str
    formula: str
    source: str
    inputs: tuple[str, ...]
    params: tuple[Param, ...]
    response: str = "loss"
    response_unit: str = "nats/token"
    kernel: str | None = None
    """The compiled code that can evaluate this law, where there is some."""
    identifiability: str = ""
    """What runs must vary, or hold fixed, for the parameters to be known; empty where nothing needs saying."""

    @property
    def label(self) -> str:
        """The name that brings this very law back through `get_law`."""
        return self.name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the natural parameters, in order."""
        return tuple(param.name for param in self.params)

    @property
    def continuous(self) -> tuple[str, ...]:
        """The inputs that are measured on a scale; any other holds names, which `encode` numbers."""
        return self.inputs

    def encode(self, name: str, value: ArrayLike) -> Floats:
        """An input as the numbers that `read` gives: itself, or from 1 the number of a name."""
        try:
            return np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise UsageError(f"{name} of the law {self.label} is a number; found {value!r}.") from None

    def held(self, natural: Floats) -> Mapping[str, tuple[float, str]]:
        """Parameters that are not free, for natural parameters `[p]`: their value, and why (`fixed`, `= alpha`)."""
        return {}

    def read(self, runs: RunTable) -> Floats:
        """The inputs of every run, `[n, k]`; `DataError` names what is missing."""
        return np.stack([self._column(runs, name) for name in self.inputs], axis=1)

    def observed(self, runs: RunTable) -> Floats:
        """What the law predicts, `[n]`: the loss, or the column `response` in `response_unit`."""
        return runs.loss if self.response == "loss" else self._column(runs, self.response)

    @staticmethod
    def _column(runs: RunTable, name: str) -> Floats:
        if name in ("n_params", "n_params_non_embedding", "n_tokens", "flops"):
            return runs.require(name)
        try:
            return np.asarray(runs.column(name), dtype=float)
        except ValueError as error:
            raise DataError("E_NOT_A_NUMBER", f"every row must hold a number ({error})", column=name) from None

    def centre(self, inputs: Floats) -> Floats:
        """What coordinates are measured from: the mean log of each input, `[k]`."""
        return np.asarray(np.log(inputs).mean(axis=0))

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """`z = ln(inputs) - centre`, `[n, k]`."""
        return np.asarray(np.log(inputs) - centre)

    @abstractmethod
    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln L, `[b, n]`, with L in nats per token."""

    @abstractmethod
    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln L, `[b, n]`, and its exact gradient in the working parameters, `[b, n, p]`."""

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats | None:
        """The sum over runs of `q[b, n]` times the Hessian of ln L, `[b, p, p]`; None where it is not given."""
        return None

    @abstractmethod
    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """Low and high of each working parameter, `[p]` each; infinite where free."""

    @abstractmethod
    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """`count` starting points spread over the plausible, `[count, p]`."""

    @abstractmethod
    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """Working to natural parameters, `[b, p]`."""

    @abstractmethod
    def working(self, natural: Floats, centre: Floats) -> Floats:
        """Natural to working parameters, `[b, p]`."""

    @abstractmethod
    def log_steps(self, theta: Floats) -> Floats:
        """d theta / d log(parameter), `[p]`: 1 for a working logarithm, theta itself for a plain number."""

    def predict(self, natural: Floats, inputs: Floats) -> Floats:
        """L in nats per token for natural parameters `[b, p]` at inputs `[n, k]`: `[b, n]`."""
        centre = np.zeros(inputs.shape[1])
        return np.asarray(np.exp(self.log_loss(self.working(natural, centre), self.coordinates(inputs, centre))))

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """N and D, `[b]` each, of least loss under C = 6 N D; `UsageError` where the law has no such trade-off."""
        raise UsageError(
            f"The law {self.label} has no compute-optimal allocation, since it does not depend on both parameters and "
            "tokens. Next: fit --law chinchilla or --law kaplan."
        )
