"""Curves of a known law under short schedules, with noise that neighbours share."""

from __future__ import annotations

import numpy as np

from scalelaw.forecasting import Curve, curve_of
from scalelaw.laws.tissue import annealing_areas

TRUTH = {"L_0": 2.5, "A": 0.5, "alpha": 0.5, "C_2": 0.01}
PEAK, STEPS = 1e-2, 3000


def loss_of(rates: np.ndarray) -> np.ndarray:
    """Tissue's law after every step."""
    S1, S2 = annealing_areas(rates)
    return TRUTH["L_0"] + TRUTH["A"] / S1 ** TRUTH["alpha"] - TRUTH["C_2"] * S2


def made(name: str, shape: str, *, noise: float = 1e-3, steps: int = STEPS, seed: int = 0) -> Curve:
    """A curve with a point every 30 steps; noise is AR(1) with 0.5."""
    rng = np.random.default_rng([seed, sum(map(ord, name))])
    at = np.arange(1, steps + 1)
    x = np.clip((at - 300) / (steps - 300), 0, 1)
    rates = (
        PEAK
        * {
            "constant": 1 + 0 * x,
            "linear": 1 - 0.9 * x,
            "cosine": 0.1 + 0.45 * (1 + np.cos(np.pi * x)),
            "step": np.where(x < 0.5, 1.0, 0.3),
            "late": 1 - 0.9 * np.clip((x - 0.8) / 0.2, 0, 1),
        }[shape]
    )
    rates = rates * np.minimum(at / 300, 1)
    step = np.arange(300, steps + 1, 30)
    scatter = np.zeros(len(step))
    for i, shock in enumerate(rng.normal(size=len(step))):
        scatter[i] = 0.5 * scatter[i - 1] + shock * np.sqrt(0.75)
    curve = curve_of(name, step, loss_of(rates)[step - 1] * np.exp(noise * scatter), rates[step - 1])
    return Curve(curve.name, curve.step, curve.loss, rates)
