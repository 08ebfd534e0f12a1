"""What a fit minimises: the weighted sum over runs of rho(residual)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Space = Literal["log", "raw"]


@dataclass(frozen=True)
class Objective(ABC):
    """A loss of residuals, summed, never averaged.

    `space` says what a residual is: `log`, ln(predicted) - ln(observed), or `raw`, predicted - observed in nats per
    token. `scale` multiplies the whole objective; estimates do not depend on it.
    """

    scale: float = 1.0
    name: ClassVar[str]
    formula: ClassVar[str]
    tunes: ClassVar[bool] = False
    """Whether `tuned` sets something from the scatter of a first fit."""

    @abstractmethod
    def rho(self, r: Floats) -> Floats:
        """The loss of each residual, of the residuals' shape."""

    @abstractmethod
    def psi(self, r: Floats) -> Floats:
        """d rho / d r."""

    @abstractmethod
    def curvature(self, r: Floats) -> Floats:
        """d^2 rho / d r^2, zero where rho is linear."""

    def stages(self) -> tuple[Objective, ...]:
        """The smooth objectives to minimise one after the other; the last one defines the estimate."""
        return (self,)

    def tuned(self, residuals: Floats, n_parameters: int) -> Objective:
        """The objective for data that scatters like these residuals, `[n]`, of a fit of that many parameters."""
        return self

    @property
    def huber_delta(self) -> float | None:
        """Where rho turns from r^2/2 to a line, infinite for least squares; None for any other shape."""
        return None

    @property
    def space(self) -> Space:
        """What a residual is; see the class."""
        return "log"

    @property
    def settings(self) -> dict[str, float | str]:
        """The settings by name, without the scale where that is 1."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if name != "scale" or value != 1.0}

    @property
    def label(self) -> str:
        """The name with the settings to six digits, `log_huber(delta=0.001)`, which `get_objective` reads."""
        shown = ", ".join(f"{k}={v if isinstance(v, str) else f'{v:g}'}" for k, v in self.settings.items())
        return f"{self.name}({shown})" if shown else self.name
