"""Only so many days: what devices get done in them, by step times the user has measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.hardware import DAY
from scalelaw.planning.goals.base import Goal, require_positive
from scalelaw.planning.step_times import StepTime
from scalelaw.runs import Floats


@dataclass(frozen=True, kw_only=True)
class WallClock(Goal):
    """min L(N, D) subject to D t(N) / b = days: t the seconds of a step of b tokens; or the fewest days for a loss.

    `devices` work side by side, each on batches like the logged ones, and lose nothing by it unless `efficiency` says
    what share of their speed is left.

    Idea: Inbar & Sernau 2024, arXiv 2406.18922: substitute D = tokens/s x time into L(N, D).
    """

    steps: StepTime
    devices: int = 1
    efficiency: float = 1.0
    unit: ClassVar[str] = "days"
    column: ClassVar[str] = "days"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self.devices, "devices", "devices must be a positive number", "8")
        require_positive(
            self.efficiency, "efficiency", "the efficiency of many devices must be a positive share", "0.9"
        )

    @property
    def sentence(self) -> str:
        """The question with its numbers."""
        return f"{self.wanted} on {self.devices:g} devices as fast as the logged ones{self._together}"

    @property
    def _together(self) -> str:
        return "" if self.efficiency == 1.0 else f", times {self.efficiency:g} for working together"

    def _days_per_token(self, n_params: ArrayLike) -> Floats:
        return np.asarray(self.steps.seconds_per_token(n_params) / (self.devices * self.efficiency * DAY))

    def cost(self, n_params: ArrayLike, n_tokens: ArrayLike) -> Floats:
        """D t(N) / b, in days."""
        return np.asarray(n_tokens, dtype=float) * self._days_per_token(n_params)

    def tokens(self, n_params: ArrayLike, spend: float) -> Floats:
        """Days over days a token."""
        return np.asarray(spend / self._days_per_token(n_params))
