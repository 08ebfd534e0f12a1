"""From a fitted law and a budget for pilots to the runs that tell the most: experimental design, one act to a file."""

from __future__ import annotations

from scalelaw.designing.base import Design, Layout
from scalelaw.designing.comparison import Gain, Verdict
from scalelaw.designing.criteria import CRITERIA
from scalelaw.designing.design import design, parse_target
from scalelaw.designing.isoflop_grid import isoflop_grid
from scalelaw.designing.sequential import Next, NextRun, next_runs

__all__ = [
    "CRITERIA",
    "Design",
    "Gain",
    "Layout",
    "Next",
    "NextRun",
    "Verdict",
    "design",
    "isoflop_grid",
    "next_runs",
    "parse_target",
]
