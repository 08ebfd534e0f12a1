"""The verb of this floor: minimise an objective for a batch of starts, replicates or data sets."""

from __future__ import annotations

import importlib.util
import os

import numpy as np

from scalelaw.solver import newton
from scalelaw.solver.newton import GAIN, Floats, Problem, Solution

CHUNK = 256
"""Members worked on at once by the general path: few enough that their Jacobians stay in the cache."""
CHUNK_BYTES = 2**26
"""What the Jacobians of a chunk may take, so that memory stays bounded for a million runs."""
REPAYS = 250_000
"""Runs times members (an overhead of 40 runs added to each) from which loading the compiled path repays itself."""
PATH = "SCALELAW_SOLVER"
"""Environment variable: `numpy` or `compiled` instead of the choice by size."""


def solve(problem: Problem, theta: Floats, weights: Floats, *, batch: int | None = None) -> Solution:
    """Minimise the objective for every member of the batch.

    Args:
        theta: starting points, `[b, p]`; moved inside the bounds first.
        weights: weight of each run, `[n]` for all members or `[b, n]`.
        batch: how many members there are in all, where this call solves a part of them; so that the path taken, and
            with it the last digits, do not depend on how the work is cut up.

    Sums of powers under a Huber or least-squares objective go through compiled code where numba is installed and the
    batch is large (see `REPAYS`); what it cannot settle, and everything else, goes through the general path. Both stop
    at the same test and agree to about 1e-14 of the objective.
    """
    theta = np.atleast_2d(np.asarray(theta, dtype=float))
    w = np.broadcast_to(np.asarray(weights, dtype=float), (len(theta), len(problem.log_y)))
    delta = problem.misfit.huber_delta
    if delta is not None and _compiled(problem, len(theta) if batch is None else batch):
        return _through_kernel(problem, theta, w, delta)
    size = max(1, min(CHUNK, CHUNK_BYTES // (8 * theta.shape[1] * max(len(problem.log_y), 1))))
    return _joined([newton.minimise(problem, theta[i : i + size], w[i : i + size]) for i in range(0, len(theta), size)])


def _joined(parts: list[Solution]) -> Solution:
    return Solution(
        theta=np.concatenate([part.theta for part in parts]),
        objective=np.concatenate([part.objective for part in parts]),
        gain=np.concatenate([part.gain for part in parts]),
        converged=np.concatenate([part.converged for part in parts]),
        iterations=np.concatenate([part.iterations for part in parts]),
    )


def _compiled(problem: Problem, batch: int) -> bool:
    if problem.curve.kernel != "power_sum":
        return False
    wish = os.environ.get(PATH, "auto")
    if wish == "numpy" or importlib.util.find_spec("numba") is None:
        return False
    return wish == "compiled" or batch * (len(problem.log_y) + 40) >= REPAYS


def _through_kernel(problem: Problem, theta: Floats, w: Floats, delta: float) -> Solution:
    from scalelaw.solver import _compiled

    low, high = problem.curve.bounds(problem.z)
    shared = w.strides[0] == 0  # one row of weights for all
    found, value, gain, iterations = _compiled.minimise(
        np.ascontiguousarray(problem.z.T),
        np.ascontiguousarray(problem.log_y),
        np.ascontiguousarray(w[:1] if shared else w),
        np.clip(theta, low, high),
        low,
        high,
        delta,
        problem.misfit.space == "raw",
        GAIN,
    )
    value *= problem.misfit.scale
    unsettled = np.flatnonzero(~(gain <= GAIN))
    if len(unsettled):
        rest = newton.minimise(problem, found[unsettled], w[unsettled])
        found[unsettled], value[unsettled], gain[unsettled] = rest.theta, rest.objective, rest.gain
        iterations[unsettled] += rest.iterations
    return Solution(found, value, gain, gain <= GAIN, iterations)
