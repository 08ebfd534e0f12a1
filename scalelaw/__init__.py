"""scalelaw fits neural scaling laws and plans training budgets from them, with honest intervals.

>>> import scalelaw as sl
>>> runs = sl.read_runs(sl.shipped("markov"))
>>> fit = sl.fit("chinchilla", runs)
>>> fit.certificate.converged
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from scalelaw.approaches.envelope import envelope
    from scalelaw.approaches.isoflop import isoflop
    from scalelaw.backtesting import Backtest, RollingBacktest, backtest, rolling_backtest
    from scalelaw.catalogue import shipped
    from scalelaw.checks import CHECKS, check
    from scalelaw.comparing import Comparison, compare
    from scalelaw.designing import Design, next_runs
    from scalelaw.designing.design import design
    from scalelaw.errors import DataError, NotConvergedError, ScalelawError, UsageError
    from scalelaw.extrapolating import Discrepancy, discrepancy, extrapolation_interval
    from scalelaw.fit_file import load_fit
    from scalelaw.fitting import Fit, fit
    from scalelaw.hardware import Cluster, cluster
    from scalelaw.intervals import (
        INTERVALS,
        Draws,
        LossAt,
        OptimalExponent,
        OptimalLoss,
        OptimalParams,
        OptimalRatio,
        OptimalTokens,
        Uncertainty,
        interval,
        uncertainty,
    )
    from scalelaw.intervals.bootstrap import bootstrap
    from scalelaw.laws import LAWS, Constant, Law, Param, Power, Term, constrain, get_law, load_law, share
    from scalelaw.lmfit_bridge import from_lmfit
    from scalelaw.objectives import OBJECTIVES, Objective, get_objective
    from scalelaw.perturbing import Change, sensitivity
    from scalelaw.planning import Plan, plan
    from scalelaw.readers import read_runs, write_runs
    from scalelaw.results import Certificate, Finding, Interval, Unavailable
    from scalelaw.runs import Run, RunTable
    from scalelaw.weighting import weigh

# Each name is imported at its first use, so that `import scalelaw` (and `scalelaw --help`) costs nothing.
_HOME = {
    "Run": "runs",
    "RunTable": "runs",
    "read_runs": "readers",
    "write_runs": "readers",
    "shipped": "catalogue",
    "LAWS": "laws",
    "Law": "laws",
    "get_law": "laws",
    "load_law": "laws",
    "Param": "laws",
    "Constant": "laws",
    "Power": "laws",
    "Term": "laws",
    "constrain": "laws",
    "share": "laws",
    "from_lmfit": "lmfit_bridge",
    "weigh": "weighting",
    "OBJECTIVES": "objectives",
    "Objective": "objectives",
    "get_objective": "objectives",
    "Fit": "fitting",
    "Certificate": "results",
    "Finding": "results",
    "fit": "fitting",
    "load_fit": "fit_file",
    "Draws": "intervals",
    "Interval": "results",
    "Unavailable": "results",
    "LossAt": "intervals",
    "OptimalLoss": "intervals",
    "OptimalParams": "intervals",
    "OptimalRatio": "intervals",
    "OptimalTokens": "intervals",
    "INTERVALS": "intervals",
    "OptimalExponent": "intervals",
    "Uncertainty": "intervals",
    "bootstrap": "intervals",
    "interval": "intervals",
    "uncertainty": "intervals",
    "Change": "perturbing",
    "sensitivity": "perturbing",
    "CHECKS": "checks",
    "check": "checks",
    "Backtest": "backtesting",
    "RollingBacktest": "backtesting",
    "backtest": "backtesting",
    "rolling_backtest": "backtesting",
    "Comparison": "comparing",
    "compare": "comparing",
    "Discrepancy": "extrapolating",
    "discrepancy": "extrapolating",
    "extrapolation_interval": "extrapolating",
    "envelope": "approaches",
    "isoflop": "approaches",
    "Plan": "planning",
    "Cluster": "hardware",
    "cluster": "hardware",
    "plan": "planning",
    "Design": "designing",
    "design": "designing",
    "next_runs": "designing",
    "DataError": "errors",
    "NotConvergedError": "errors",
    "ScalelawError": "errors",
    "UsageError": "errors",
}

__all__ = [
    "__version__",
    "Run",
    "RunTable",
    "read_runs",
    "write_runs",
    "shipped",
    "weigh",
    "LAWS",
    "Law",
    "Param",
    "get_law",
    "load_law",
    "Constant",
    "Power",
    "Term",
    "constrain",
    "share",
    "from_lmfit",
    "OBJECTIVES",
    "Objective",
    "get_objective",
    "Fit",
    "Certificate",
    "Finding",
    "fit",
    "load_fit",
    "Draws",
    "Interval",
    "Unavailable",
    "LossAt",
    "OptimalLoss",
    "OptimalParams",
    "OptimalRatio",
    "OptimalTokens",
    "INTERVALS",
    "Uncertainty",
    "OptimalExponent",
    "bootstrap",
    "interval",
    "uncertainty",
    "Change",
    "sensitivity",
    "CHECKS",
    "check",
    "Backtest",
    "RollingBacktest",
    "backtest",
    "rolling_backtest",
    "Comparison",
    "compare",
    "Discrepancy",
    "discrepancy",
    "extrapolation_interval",
    "envelope",
    "isoflop",
    "Plan",
    "plan",
    "Cluster",
    "cluster",
    "Design",
    "design",
    "next_runs",
    "DataError",
    "NotConvergedError",
    "ScalelawError",
    "UsageError",
]  # in reading order: data in, a law fitted, its uncertainty, a plan


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scalelaw' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"scalelaw.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
