"""Speed of a fit and of its bootstrap, as ratios of CPU time against named baselines, in one run on one thread.

    make bench-fit                      prints the tables, writes tests/benchmarks/fit.csv

Baselines, on the same 240 runs and the same objective (summed Huber, delta 1e-3, of log residuals):

* yardstick: `scipy.optimize.least_squares(loss="huber")`, exact Jacobian, centred logs, default tolerances: the best a
  SciPy user can do in a few lines.
* textbook: the log-sum-exp form with logs as they are, L-BFGS-B with a numeric gradient; 4,500 starts of a grid for the
  fit (timed on `GRID_SAMPLE` of them), then one warm start a replicate with tolerances tightened until it converges.

The runs are simulated with the noise of digitised ones: Student-t, 2.67 degrees of freedom, scale 0.004. With heavy
tails and so small a delta most residuals lie on the linear part of Huber's loss, which makes published fits slow.
"""

from __future__ import annotations

import csv
import itertools
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, minimize
from scipy.special import logsumexp

from scalelaw.fitting import Fit, fit
from scalelaw.intervals import bootstrap
from scalelaw.runs import RunTable
from scalelaw.solver.solving import PATH
from tests.conftest import chinchilla_loss

TABLE = Path(__file__).with_name("fit.csv")
DELTA = 1e-3
RUNS, REPLICATES = 240, 4000
SAMPLED, GRID_SAMPLE = 10, 60
GRID = list(
    itertools.product(
        np.linspace(0, 25, 6), np.linspace(0, 25, 6), np.linspace(-1, 1, 5), np.linspace(0, 2, 5), np.linspace(0, 2, 5)
    )
)
"""The published grid of a, b, e, alpha, beta: 4,500 starts."""
ROWS, BATCHES = (240, 1000, 10_000, 100_000, 1_000_000), (100, 1000, 10_000, 100_000)
FLOPS_PER_ROW = 2 * 36 + 40 + 20 + 16 + 15 * 2 * 3
"""Of one Newton iteration with two terms: two exponentials, a logarithm, residual and objective, shares, 30 sums."""


def runs(n: int = RUNS, seed: int = 0) -> RunTable:
    """Runs of a Chinchilla law with heavy-tailed noise."""
    rng = np.random.default_rng(seed)
    n_params = np.exp(rng.uniform(np.log(5e7), np.log(1.5e10), n))
    n_tokens = n_params * np.exp(rng.uniform(np.log(1), np.log(200), n))
    loss = chinchilla_loss(n_params, n_tokens) * np.exp(0.004 * rng.standard_t(2.67, n))
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss)


def cpu_seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """CPU time of one call, warm, the least of `repeats`."""
    work()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


class Baseline:
    """The two baselines on one table; `weights` are whole numbers, how often each run was drawn."""

    def __init__(self, result: Fit) -> None:
        self.n, self.d, self.y = (np.log(v) for v in (result.runs.n_params, result.runs.n_tokens, result.runs.loss))
        E, a, alpha, b, beta = result.theta
        self.centred = np.array([np.log(E), a, alpha, b, beta])
        self.plain = np.array([a + alpha * result.centre[0], b + beta * result.centre[1], np.log(E), alpha, beta])

    def yardstick(self, weights: np.ndarray) -> float:
        """The objective that SciPy's robust least squares reaches."""
        # SciPy has no weights; rows are repeated as often as they were drawn.
        n, d, y = (np.repeat(v, weights) for v in (self.n - self.n.mean(), self.d - self.d.mean(), self.y))
        ones = np.ones_like(n)

        def parts(theta: np.ndarray) -> np.ndarray:
            e, a, alpha, b, beta = theta
            return np.stack([e * ones, a - alpha * n, b - beta * d])

        def residual(theta: np.ndarray) -> np.ndarray:
            return logsumexp(parts(theta), axis=0) - y

        def jacobian(theta: np.ndarray) -> np.ndarray:
            terms = parts(theta)
            share = np.exp(terms - logsumexp(terms, axis=0))
            return np.stack([share[0], share[1], -share[1] * n, share[2], -share[2] * d], axis=1)

        found = least_squares(residual, self.centred, jac=jacobian, loss="huber", f_scale=DELTA, x_scale="jac")
        return float(found.cost)

    def textbook(self, weights: np.ndarray, start: np.ndarray, **options: float) -> float:
        """The objective that L-BFGS-B with a numeric gradient reaches."""

        def objective(theta: np.ndarray) -> float:
            a, b, e, alpha, beta = theta
            predicted = logsumexp(np.stack([a - alpha * self.n, b - beta * self.d, np.full_like(self.n, e)]), axis=0)
            r = np.abs(predicted - self.y)
            return float((weights * np.where(r <= DELTA, 0.5 * r * r, DELTA * (r - 0.5 * DELTA))).sum())

        return float(minimize(objective, start, method="L-BFGS-B", options=options).fun)


def compare() -> list[dict[str, object]]:
    """One row for each way of fitting and of resampling: CPU time, its ratio to ours, the objective's excess."""
    table = runs()
    os.environ[PATH] = "compiled"
    result = fit("chinchilla", table, "log_huber")
    best, baseline, all_runs = result.certificate.objective, Baseline(result), np.ones(RUNS, dtype=int)
    rng = np.random.default_rng(0)
    draws = [np.bincount(rng.integers(0, RUNS, RUNS), minlength=RUNS) for _ in range(SAMPLED)]
    tight = {"ftol": 1e-15, "gtol": 1e-12, "maxfun": 100_000, "maxiter": 10_000}
    ours, whole = {}, {}
    for path in ("compiled", "numpy"):
        os.environ[PATH] = path
        ours[path] = cpu_seconds(lambda: bootstrap(result, REPLICATES), 3) / REPLICATES
        whole[path] = cpu_seconds(lambda: fit("chinchilla", table, "log_huber"), 5)
    yardstick = cpu_seconds(lambda: [baseline.yardstick(w) for w in draws], 3) / SAMPLED
    textbook = cpu_seconds(lambda: [baseline.textbook(w, baseline.plain, **tight) for w in draws]) / SAMPLED
    picked = [GRID[i] for i in np.random.default_rng(1).choice(len(GRID), GRID_SAMPLE, replace=False)]
    began = time.process_time()
    reached = min(baseline.textbook(all_runs, np.array(start)) for start in picked)
    grid = (time.process_time() - began) / GRID_SAMPLE * len(GRID)
    excess = {
        "ours": 0.0,
        "yardstick": baseline.yardstick(all_runs) / best - 1,
        "textbook": baseline.textbook(all_runs, baseline.plain, **tight) / best - 1,
        "grid": reached / best - 1,
    }
    rows = [
        ("replicate", "scalelaw, compiled", ours["compiled"], ours["compiled"], excess["ours"]),
        ("replicate", "scalelaw, NumPy", ours["numpy"], ours["compiled"], excess["ours"]),
        ("replicate", "yardstick: least_squares, exact Jacobian", yardstick, ours["compiled"], excess["yardstick"]),
        ("replicate", "textbook: L-BFGS-B, numeric gradient", textbook, ours["compiled"], excess["textbook"]),
        ("fit", "scalelaw, 64 starts, certified, compiled", whole["compiled"], whole["compiled"], excess["ours"]),
        ("fit", "scalelaw, 64 starts, certified, NumPy", whole["numpy"], whole["compiled"], excess["ours"]),
        ("fit", f"textbook: 4,500 starts (timed on {GRID_SAMPLE})", grid, whole["compiled"], excess["grid"]),
    ]
    return [
        {"what": what, "way": way, "cpu_ms": 1e3 * t, "times_ours": t / base, "objective_excess": over}
        for what, way, t, base, over in rows
    ]


def scaling() -> list[dict[str, object]]:
    """CPU seconds of a fit as the runs grow, and of a bootstrap as the replicates grow."""
    os.environ.pop(PATH, None)
    rows: list[dict[str, object]] = []
    for n in ROWS:
        table = runs(n)
        seconds = cpu_seconds(lambda t=table: fit("chinchilla", t))
        rows.append({"what": "fit", "way": f"{n} runs", "cpu_ms": 1e3 * seconds})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "linux" else 1e9)
    rows.append({"what": "memory", "way": f"GB at the peak, {ROWS[-1]} runs", "rate": peak})
    result = fit("chinchilla", runs())
    for count in BATCHES:
        seconds = cpu_seconds(lambda r=count: bootstrap(result, r))
        rows.append({"what": "bootstrap", "way": f"{count} replicates", "cpu_ms": 1e3 * seconds})
    return rows


def limits() -> list[dict[str, object]]:
    """The kernel beside the machine: arithmetic against a matrix product, memory against a copy."""
    from scalelaw.solver import _compiled

    result = fit("chinchilla", runs(), "log_huber")
    rng = np.random.default_rng(0)
    weights = rng.multinomial(RUNS, np.full(RUNS, 1 / RUNS), size=REPLICATES).astype(float)
    low, high = result.law.bounds(result.problem.z)
    z = np.ascontiguousarray(result.problem.z.T)
    start = np.tile(result.theta, (REPLICATES, 1))

    def kernel() -> np.ndarray:
        found = _compiled.minimise(z, result.problem.log_y, weights, start, low, high, DELTA, False, 1e-14)
        return np.asarray(found[3])

    seconds = cpu_seconds(kernel, 3)
    work = float((kernel() * (weights > 0).sum(axis=1)).sum()) * FLOPS_PER_ROW
    a = rng.normal(size=(768, 768))
    peak = 2 * 768**3 / cpu_seconds(lambda: a @ a, 5)
    big, target = rng.normal(size=2**23), np.empty(2**23)
    copied = 2 * big.nbytes / cpu_seconds(lambda: np.copyto(target, big), 5)
    moved = weights.nbytes + 2 * start.nbytes
    return [
        {"what": "kernel", "way": "a replicate, weights given", "cpu_ms": 1e3 * seconds / REPLICATES},
        {"what": "kernel", "way": f"GFLOP/s, of {peak / 1e9:.1f} in a matrix product", "rate": work / seconds / 1e9},
        {"what": "kernel", "way": f"GB/s, of {copied / 1e9:.1f} in a copy", "rate": moved / seconds / 1e9},
    ]


def main() -> None:
    """Print the tables and write them."""
    rows = [*compare(), *scaling(), *limits()]
    names = ["what", "way", "cpu_ms", "times_ours", "objective_excess", "rate"]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# make bench-fit: CPU time of one thread, n = {RUNS}, {REPLICATES} replicates\n")
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
    for row in rows:
        units = zip(names[2:], ("ms", "x", "excess", ""), strict=True)
        cells = [f"{row[k]:12.4g} {unit}" for k, unit in units if k in row]
        print(f"{row['what']:10s} {row['way']:48s} " + " ".join(cells))


if __name__ == "__main__":
    main()
