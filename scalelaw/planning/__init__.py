"""From a fitted law and a budget to a plan."""

from __future__ import annotations

from scalelaw.planning.base import Band, Plan, Reach
from scalelaw.planning.budget import near_optimal, plan

__all__ = ["Band", "Plan", "Reach", "near_optimal", "plan"]
