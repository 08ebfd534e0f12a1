"""The batched minimiser every fit, start and replicate goes through."""

from __future__ import annotations

from scalelaw.solver.newton import Problem, Solution
from scalelaw.solver.solving import solve

__all__ = ["Problem", "Solution", "solve"]
