"""One set of parameters for every law of the shelf, and noise-free runs that follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalelaw.laws import Law, get_law
from scalelaw.laws._schedules import annealing_areas
from scalelaw.laws.multi_power import MultiPower
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, simulated

TRUTH: dict[str, dict[str, float]] = {
    "batch_size(n_tokens)": {"c": 0.58, "b": 0.571},
    "broken_power(n_tokens)": {"E": 1.2, "B": 12.0, "c_0": 0.1, "c_1": 0.3, "d_1": 1e9, "f_1": 0.5},
    "broken_power_2(n_tokens)": {
        **{"E": 0.9, "B": 12.0, "c_0": 0.1, "c_1": 0.4, "d_1": 1e8, "f_1": 0.5},
        **{"c_2": -0.3, "d_2": 1e10, "f_2": 0.4},
    },
    "broken_power_3(n_tokens)": {
        **{"E": 0.5, "B": 12.0, "c_0": 0.05, "c_1": 0.4, "d_1": 1e8, "f_1": 0.4},
        **{"c_2": -0.35, "d_2": 3e9, "f_2": 0.5, "c_3": 0.4, "d_3": 2e11, "f_3": 0.6},
    },
    "chinchilla": CHINCHILLA,
    "chinchilla_tied": {"E": 1.87, "A": 521.0, "alpha": 0.3527, "B": 1488.0},
    "d_opt": {"k": 1.2, "b": 0.51},
    "data_constrained": {
        **{"E": 1.87, "A": 521.0, "alpha": 0.35, "B": 1488.0, "beta": 0.36},
        **{"R_D": 15.387756, "R_N": 5.309743},
    },
    "farseer": {
        **{"a1": -0.124, "b1": 0.424, "alpha": 0.123, "a2": 88.01, "b2": -5.287, "beta": -0.1},
        **{"a3": -0.021, "b3": -0.091, "gamma": 0.169},
    },
    "k_power": {"E": 1.5, "A": 1e6, "alpha": 0.8, "B": 5e8, "beta": 0.9, "k": 0.4},
    "kaplan": {"N_c": 6.4e13, "alpha_N": 0.076, "D_c": 1.8e13, "alpha_D": 0.103},
    "learning_rate": {"c": 1.79, "b": 0.307, "a": 0.713},
    "learning_rate_flops": {"c": 0.3118, "a": 0.125},
    "m1(n_tokens)": {"beta": 30.0, "c": 0.095},
    "m2(n_tokens)": {"E": 1.7, "beta": 900.0, "c": 0.3},
    "m3(n_tokens)": {"beta": 900.0, "gamma": 2e-10, "c": 0.3},
    "m4(n_tokens)": {"E": 1.7, "beta": 60.0, "c": 0.3, "alpha": 0.6, "E_0": 10.8},
    "multi_power": {
        **{"L_0": 3.04, "A": 0.525, "alpha": 0.508},
        **{"B": 364.0, "C": 2.066, "beta": 0.583, "gamma": 0.641},
    },
    "n_opt": {"k": 0.14, "a": 0.49},
    "power_constant(flops)": {"E": 1.7, "A": 1500.0, "alpha": 0.16},
    "power_constant(n_params)": {"E": 1.7, "A": 400.0, "alpha": 0.34},
    "power_constant(n_tokens)": {"E": 1.7, "A": 900.0, "alpha": 0.3},
    "power_law(flops)": {"A": 30.0, "alpha": 0.05},
    "power_law(n_params)": {"A": 11.0, "alpha": 0.076},
    "precision": {
        **{"E": 2.7648, "A": 4299.0, "alpha": 0.4965, "B": 18060.0, "beta": 0.48},
        **{"gamma_weight": 2.6745, "gamma_activation": 2.2102, "gamma_kv": 0.9578},
    },
    "shifted_power(loss_x)": {"E_y": 1.4, "K": 0.9, "kappa": 1.1, "E_x": 1.2},
    "tissue": {"L_0": 2.6, "A": 0.6, "alpha": 0.45, "C_2": 10.0},
}
"""Parameters by law, near published ones where there are some."""

STARTS = {"multi_power": 4}
"""Starts that are enough here, for laws whose starts are costly."""


def schedules(steps: int = 120, peak: float = 3e-4) -> dict[str, np.ndarray]:
    """Learning rates of every step of four schedules with one warm-up."""
    at = np.arange(1, steps + 1)
    warm = np.minimum(at / 10, 1.0)
    return {
        "constant": peak * warm,
        "cosine": peak * warm * (0.55 + 0.45 * np.cos(np.pi * np.clip((at - 10) / (steps - 10), 0, 1))),
        "step": peak * warm * np.where(at > 50, 0.3, 1.0),
        "linear": peak * warm * np.interp(at, [1, 80, steps], [1.0, 1.0, 0.1]),
    }


def law_of(label: str) -> Law:
    """The law, with its schedules where it needs some."""
    return MultiPower(schedules()) if label == "multi_power" else get_law(label)


def exact(label: str) -> RunTable:
    """Noise-free runs of `TRUTH[label]` over a design that knows its parameters."""
    law = law_of(label)
    design = _DESIGNS.get(law.name, _rectangle)()
    natural = np.array([list(TRUTH[label].values())])
    response = law.predict(natural, law.read(_table(design)))[0]
    if law.response in _COLUMNS:
        return _table({**design, law.response: response})
    return _table({**design, "extras": {**design.get("extras", {}), law.response: response}})


_COLUMNS = ("loss", "n_params", "n_tokens", "flops")


def _table(design: dict[str, Any]) -> RunTable:
    columns = {**design, **design.get("extras", {})}
    rows = max(len(values) for name, values in columns.items() if name != "extras")
    return RunTable.of(**{"loss": np.ones(rows), **design})


def _rectangle() -> dict[str, Any]:
    runs = simulated(40, noise=0.0)
    extras = {"loss_x": np.linspace(1.8, 4.0, len(runs))}
    return {"n_params": runs.n_params, "n_tokens": runs.n_tokens, "extras": extras}


def _many_sizes() -> dict[str, Any]:
    n_params, ratio = np.meshgrid(np.geomspace(2e7, 5e9, 9), np.geomspace(2, 300, 9))
    return {"n_params": n_params.ravel(), "n_tokens": (n_params * ratio).ravel()}


def _long_curve(low: float = 1e6, high: float = 1e13) -> Callable[[], dict[str, Any]]:
    return lambda: {"n_tokens": np.geomspace(low, high, 80), "n_params": np.full(80, 1e9)}


def _optima() -> dict[str, Any]:
    return {"flops": np.geomspace(1e17, 1e22, 12)}


def _repeated() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    n_params = np.exp(rng.uniform(np.log(1e7), np.log(1e10), 80))
    unique = np.exp(rng.uniform(np.log(1e8), np.log(3e10), 80))
    n_tokens = unique * np.exp(rng.uniform(np.log(0.5), np.log(100), 80))
    return {"n_params": n_params, "n_tokens": n_tokens, "extras": {"unique_tokens": unique}}


def _few_bits() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    runs = simulated(80, noise=0.0)
    bits = {f"{part}_bits": rng.integers(3, 13, 80).astype(float) for part in ("weight", "activation", "kv")}
    return {"n_params": runs.n_params, "n_tokens": runs.n_tokens, "extras": bits}


def _annealed() -> dict[str, Any]:
    areas = [annealing_areas(schedules()[name]) for name in ("cosine", "step", "linear")]
    S1, S2 = (np.concatenate([area[i][85::3] for area in areas]) for i in (0, 1))
    return {"extras": {"S1": S1, "S2": S2}}


def _checkpoints() -> dict[str, Any]:
    steps = np.arange(6, 121, 6)
    names = [name for name in schedules() for _ in steps]
    return {"extras": {"schedule": np.array(names), "step": np.tile(steps, 4)}}


_DESIGNS: dict[str, Callable[[], dict[str, Any]]] = {
    "broken_power": _long_curve(),
    "broken_power_2": _long_curve(),
    "broken_power_3": _long_curve(),
    "d_opt": _optima,
    "data_constrained": _repeated,
    "farseer": _many_sizes,
    "m3": _long_curve(1e7, 1e12),
    "m4": _long_curve(1e2, 1e12),
    "multi_power": _checkpoints,
    "n_opt": _optima,
    "precision": _few_bits,
    "tissue": _annealed,
}
