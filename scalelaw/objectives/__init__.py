"""Objectives, one to a file: what a fit minimises."""

from __future__ import annotations

from scalelaw.objectives.base import Objective
from scalelaw.registry import Registry

OBJECTIVES: Registry[Objective] = Registry("scalelaw.objectives", "objective")


def get_objective(name: str | Objective) -> Objective:
    """An objective by name, or itself."""
    return OBJECTIVES[name] if isinstance(name, str) else name


__all__ = ["OBJECTIVES", "Objective", "get_objective"]
