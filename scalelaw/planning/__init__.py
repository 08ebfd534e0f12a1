"""From a fitted law and a goal to a plan."""

from __future__ import annotations

from scalelaw.planning.base import Band, Bill, Cost, Plan, Reach, Road, Variant
from scalelaw.planning.goals import (
    Budget,
    DataLimited,
    FixedParams,
    FixedTokens,
    Goal,
    Serving,
    WallClock,
    goal_for,
)
from scalelaw.planning.planning import plan
from scalelaw.planning.step_logs import read_step_log
from scalelaw.planning.step_times import StepLog, StepTime, fit_step_time

__all__ = [
    "Band",
    "Bill",
    "Budget",
    "Cost",
    "DataLimited",
    "FixedParams",
    "FixedTokens",
    "Goal",
    "Plan",
    "Reach",
    "Road",
    "Serving",
    "StepLog",
    "StepTime",
    "Variant",
    "WallClock",
    "fit_step_time",
    "goal_for",
    "plan",
    "read_step_log",
]
