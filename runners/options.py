"""`RunOptions`: how a run is carried out. Nothing here is part of its identity, and nothing changes its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runners.sinks import SINKS
from scalelaw.errors import UsageError


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out.

    Attributes:
        checkpoint_s: wall seconds between checkpoints, at least a step; infinity saves only when told to stop.
        checkpoint_steps: save after every so many steps as well; 0 does not.
        keep: save after these steps and never remove it, for branches to start from.
        until: stop there, saved and not finished; None trains to the end.
        deterministic: forbid operations whose result depends on the order threads finish in, and fail where there is
            no other; recorded in `spec.json`. On a CPU runs repeat to the bit without it.
        sinks: names in `runners.sinks` that get the lines of `metrics.jsonl` too.
    """

    checkpoint_s: float = 60.0
    checkpoint_steps: int = 0
    keep: tuple[int, ...] = ()
    until: int | None = None
    deterministic: bool = False
    sinks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if math.isnan(self.checkpoint_s) or self.checkpoint_s < 0 or self.checkpoint_steps < 0:
            raise UsageError(
                f"Seconds and steps between checkpoints cannot be negative; found {self.checkpoint_s} s and "
                f"{self.checkpoint_steps} steps."
            )
        for name in self.sinks:
            SINKS[name].require()
