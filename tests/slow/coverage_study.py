"""How often do bootstrap intervals hold the truth? Simulated sweeps of a known law, counted.

    python -m tests.slow.coverage_study        writes coverage.csv beside this file

Each cell simulates sweeps of the Chinchilla law and asks 95 % intervals for the exponents, E, the optimal size at 100
times the largest compute, and the loss there. The first line of the table holds a hash of the code that made it.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np

from scalelaw.fitting import fit
from scalelaw.intervals import LossAt, OptimalParams, bootstrap
from scalelaw.results import Interval
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, chinchilla_loss

TABLE = Path(__file__).with_name("coverage.csv")
SWEEPS, REPLICATES = 40, 199
SIZES = (20, 40, 240)
NOISES = ("gaussian", "student3", "clustered")
SIGMA = 0.005
MADE_BY = ("scalelaw/solver", "scalelaw/laws", "scalelaw/intervals", "scalelaw/objectives", "scalelaw/fitting.py")
ROOT = Path(__file__).resolve().parents[2]


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    paths = [ROOT / name for name in MADE_BY]
    files = [Path(__file__), *(f for path in paths for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path]))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def sweep(n: int, noise: str, rng: np.random.Generator) -> RunTable:
    """n runs with noise of about half a per cent; `clustered`: four seeds share most of theirs."""
    n_params = np.exp(rng.uniform(np.log(2e7), np.log(5e9), n))
    n_tokens = n_params * np.exp(rng.uniform(np.log(2), np.log(300), n))
    group = np.arange(n)
    if noise == "student3":
        error = SIGMA * rng.standard_t(3, n) / np.sqrt(3)
    elif noise == "clustered":
        group = np.arange(n) // 4
        n_params, n_tokens = n_params[group * 4], n_tokens[group * 4]
        error = SIGMA * (np.sqrt(0.8) * rng.standard_normal(n)[group] + np.sqrt(0.2) * rng.standard_normal(n))
    else:
        error = SIGMA * rng.standard_normal(n)
    loss = chinchilla_loss(n_params, n_tokens) * np.exp(error)
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss, group=[str(g) for g in group])


def cell(n: int, noise: str) -> dict[str, object]:
    """Coverage of each target in one cell, with the share of sweeps that had no interval."""
    held: dict[str, int] = {}
    for i in range(SWEEPS):
        rng = np.random.default_rng([n, NOISES.index(noise), i])
        draws = bootstrap(fit("chinchilla", sweep(n, noise, rng), starts=16), REPLICATES, seed=i)
        largest = float((6 * draws.fit.runs.n_params * draws.fit.runs.n_tokens).max())
        truth = np.array([[CHINCHILLA[name] for name in draws.fit.law.names]])
        best_N, best_D = (float(v[0]) for v in draws.fit.law.optimum(truth, 100 * largest))
        targets = {
            "alpha": ("alpha", CHINCHILLA["alpha"]),
            "beta": ("beta", CHINCHILLA["beta"]),
            "E": ("E", CHINCHILLA["E"]),
            "N_opt at 100x": (OptimalParams(100 * largest), best_N),
            "loss at 100x": (
                LossAt(n_params=best_N, n_tokens=best_D),
                float(chinchilla_loss(np.array(best_N), np.array(best_D))),
            ),
        }
        for name, (target, value) in targets.items():
            interval = draws.interval(target)
            held[name] = held.get(name, 0) + (isinstance(interval, Interval) and interval.contains(value))
    return {"n": n, "noise": noise, **{name: f"{count / SWEEPS:.3f}" for name, count in held.items()}}


def main() -> None:
    """Write the table."""
    rows = [cell(n, noise) for n in SIZES for noise in NOISES]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, {SWEEPS} sweeps a cell, {REPLICATES} replicates, nominal 0.95\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
