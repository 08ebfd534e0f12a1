"""What curves and sweeps tell besides a law of N and D: a run's end, a ladder's common curve, rates and batches."""

from scalelaw.forecasting.collapse import Collapse, supercollapse
from scalelaw.forecasting.curves import Curve, curve_of, read_curves, read_schedule
from scalelaw.forecasting.final_loss import LAWS, Forecast, Trial, forecast
from scalelaw.forecasting.hyperbola import CriticalBatch, critical_batch, steps_to_loss
from scalelaw.forecasting.schedule import SHAPES, Rest, continued, continued_as
from scalelaw.forecasting.step_law import HyperparameterLaws, Regret, hyperparameter_laws, regrets

__all__ = [
    "LAWS",
    "SHAPES",
    "Collapse",
    "CriticalBatch",
    "Curve",
    "Forecast",
    "HyperparameterLaws",
    "Regret",
    "Rest",
    "Trial",
    "continued",
    "continued_as",
    "critical_batch",
    "curve_of",
    "forecast",
    "hyperparameter_laws",
    "read_curves",
    "read_schedule",
    "regrets",
    "steps_to_loss",
    "supercollapse",
]
