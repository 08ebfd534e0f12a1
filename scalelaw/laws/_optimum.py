"""The compute-optimal allocation: N and D of least loss under C = 6 N D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import elementwise

from scalelaw.laws._jets import Jet, exp
from scalelaw.laws.base import Floats

if TYPE_CHECKING:
    from scalelaw.laws._jet_law import JetLaw

SCAN = 241
"""Sizes from one parameter to one token among which the least loss is first looked for."""


def two_power_optimum(A: Floats, alpha: Floats, B: Floats, beta: Floats, flops: float) -> tuple[Floats, Floats]:
    """N and D, `[b]` each, that minimise A / N^alpha + B / D^beta: the closed form of Hoffmann et al. 2022, eq. 4.

    N = G (C/6)^(beta/(alpha+beta)), D = (C/6)/N, G = (alpha A / (beta B))^(1/(alpha+beta)).
    """
    log_product = np.log(flops / 6.0)
    log_N = (np.log(alpha * A) - np.log(beta * B) + beta * log_product) / (alpha + beta)
    return np.exp(log_N), np.exp(log_product - log_N)


def numeric_optimum(law: JetLaw, natural: Floats, flops: float) -> tuple[Floats, Floats]:
    """N and D, `[b]` each, that minimise a law of N and D for parameters `natural[b, p]`; NaN where none is inside.

    The loss is scanned over log N for its least local minimum (a law may fall without limit where nobody would go, such
    as at one token); between the neighbours of that the root of the exact slope along N D = C/6 is found by
    Chandrupatla's method.
    """
    log_product = np.log(flops / 6.0)

    def along(log_N: Floats, members: Floats) -> Jet:
        t = Jet.variable(log_N, 0, second=False)
        inputs = {"n_params": exp(t), "n_tokens": exp(log_product - t)}
        return law.elementwise(members, {name: inputs[name] for name in law.inputs})

    grid = np.linspace(0.0, log_product, SCAN)
    loss = along(np.broadcast_to(grid, (len(natural), SCAN)), natural).value
    middle = loss[:, 1:-1]
    dips = (middle < loss[:, :-2]) & (middle < loss[:, 2:])
    best = 1 + np.argmin(np.where(dips, middle, np.inf), axis=1)

    def slope(log_N: Floats, member: Floats) -> Floats:
        return along(log_N, natural[member.astype(int)]).gradient[0]

    index = np.arange(len(natural), dtype=float)
    found = elementwise.find_root(slope, (grid[best - 1], grid[best + 1]), args=(index,))
    log_N = np.where(dips.any(axis=1) & found.success, found.x, np.nan)
    return np.exp(log_N), np.exp(log_product - log_N)
