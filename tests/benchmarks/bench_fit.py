"""Speed of a fit and of its bootstrap, as ratios of CPU time against two named baselines, in one run.

    python -m tests.benchmarks.bench_fit

Baselines, per bootstrap replicate from the estimate: `scipy.optimize.least_squares(loss="huber")` with the exact
Jacobian and centred logs, the best a SciPy user can do in a few lines; and the textbook loop, L-BFGS-B on the
log-sum-exp form with a numeric gradient, tolerances tightened until it converges at all. All minimise the same
objective.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import least_squares, minimize
from scipy.special import logsumexp

from scalelaw.fitting import fit
from scalelaw.intervals import bootstrap
from tests.conftest import simulated

DELTA = 1e-3
RUNS, REPLICATES, BASELINE_REPLICATES = 240, 1000, 10


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call, warm."""
    work()
    began = time.process_time()
    work()
    return time.process_time() - began


def yardstick(table, start: np.ndarray, weights: np.ndarray) -> float:  # type: ignore[no-untyped-def]
    """The objective that SciPy's robust least squares reaches."""
    n, d, y = np.log(table.n_params), np.log(table.n_tokens), np.log(table.loss)
    n, d = n - n.mean(), d - d.mean()
    used = weights > 0
    n, d, y, w = n[used], d[used], y[used], weights[used]
    # SciPy has no weights; rows are repeated as often as they were drawn.
    n, d, y = (np.repeat(v, w.astype(int)) for v in (n, d, y))

    def parts(theta: np.ndarray) -> np.ndarray:
        e, a, alpha, b, beta = theta
        return np.stack([np.full_like(n, e), a - alpha * n, b - beta * d])

    def residual(theta: np.ndarray) -> np.ndarray:
        return logsumexp(parts(theta), axis=0) - y

    def jacobian(theta: np.ndarray) -> np.ndarray:
        terms = parts(theta)
        share = np.exp(terms - logsumexp(terms, axis=0))
        return np.stack([share[0], share[1], -share[1] * n, share[2], -share[2] * d], axis=1)

    result = least_squares(residual, start, jac=jacobian, loss="huber", f_scale=DELTA, x_scale="jac")
    return float(result.cost)


def textbook(table, start: np.ndarray, weights: np.ndarray) -> float:  # type: ignore[no-untyped-def]
    """The objective that L-BFGS-B with a numeric gradient reaches; logs as they are, not centred."""
    n, d, y = np.log(table.n_params), np.log(table.n_tokens), np.log(table.loss)

    def objective(theta: np.ndarray) -> float:
        a, b, e, alpha, beta = theta
        predicted = logsumexp(np.stack([a - alpha * n, b - beta * d, np.full_like(n, e)]), axis=0)
        r = np.abs(predicted - y)
        return float((weights * np.where(r <= DELTA, 0.5 * r * r, DELTA * (r - 0.5 * DELTA))).sum())

    options = {"ftol": 1e-15, "gtol": 1e-12, "maxfun": 100_000, "maxiter": 10_000}
    return float(minimize(objective, start, method="L-BFGS-B", options=options).fun)


def main() -> None:
    """Print the table."""
    table = simulated(RUNS)
    result = fit("chinchilla", table)
    E, a, alpha, b, beta = result.theta
    centred = np.array([np.log(E), a, alpha, b, beta])
    plain = np.array([a + alpha * result.centre[0], b + beta * result.centre[1], np.log(E), alpha, beta])
    rng = np.random.default_rng(0)
    draws = [np.bincount(rng.integers(0, RUNS, RUNS), minlength=RUNS).astype(float) for _ in range(BASELINE_REPLICATES)]

    ours = cpu_seconds(lambda: bootstrap(result, REPLICATES)) / REPLICATES
    scipy = cpu_seconds(lambda: [yardstick(table, centred, w) for w in draws]) / BASELINE_REPLICATES
    loop = cpu_seconds(lambda: [textbook(table, plain, w) for w in draws]) / BASELINE_REPLICATES
    whole = cpu_seconds(lambda: fit("chinchilla", table))

    reached = [float(result.problem.objective(result.theta[None], table.weight[None])[0])]
    reached += [yardstick(table, centred, np.ones(RUNS)), textbook(table, plain, np.ones(RUNS))]
    print(f"n = {RUNS}, Chinchilla law, summed Huber delta {DELTA:g}, CPU time of one thread")
    print(f"{'':34s} {'per replicate':>14s} {'ratio':>8s} {'objective / ours - 1':>22s}")
    rows = (
        ("scalelaw bootstrap", ours),
        ("SciPy least_squares, exact Jacobian", scipy),
        ("L-BFGS-B, numeric gradient", loop),
    )
    for (name, seconds), objective in zip(rows, reached, strict=True):
        print(f"{name:36s} {1e3 * seconds:9.3f} ms {seconds / ours:8.1f} {objective / reached[0] - 1:22.1e}")
    print(f"a whole fit, 64 starts polished and certified: {1e3 * whole:.0f} ms")


if __name__ == "__main__":
    main()
