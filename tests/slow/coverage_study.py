"""How often do intervals hold the truth, method by method? Simulated sweeps of a known law, counted.

    python -m tests.slow.coverage_study [--workers 2]        writes scalelaw/intervals/coverage.csv

Each cell simulates sweeps of the Chinchilla law and asks every method for 95 % intervals. A run that was cut short
continues with the cells that are missing. The first line of the table holds a hash of the code that made it.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import math
import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scalelaw.errors import DataError
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import LossAt, OptimalExponent, Target, Uncertainty, uncertainty
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, chinchilla_loss

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "scalelaw/intervals/coverage.csv"
SIZES = (12, 20, 40, 240)
NOISES = {"gaussian": 1, "student3": 1, "pairs": 2, "fours": 4}
"""Runs of one configuration (its seeds) by noise; seeds share four fifths of the variance of their noise."""
LAYOUT = {3: (3, 1), 5: (5, 1), 6: (3, 2), 10: (5, 2), 12: (4, 3), 20: (5, 4), 40: (8, 5), 60: (10, 6), 120: (12, 10),
          240: (24, 10)}
"""Model sizes by tokens per parameter for a number of configurations."""
METHODS = {
    "auto": (1000, 399),
    "wald": (1000, 0),
    "sandwich": (1000, 0),
    "jackknife": (1000, 0),
    "studentised": (1000, 399),
    "residual": (250, 399),
    "wild_cluster": (250, 399),
    "bootstrap": (250, 199),
    "bca": (250, 399),
    "profile": (250, 0),
}
"""Sweeps a cell and replicates a sweep, by method; the posterior takes seconds a sweep and has no rows."""
SIGMA = 0.005
TARGETS = ("alpha", "beta", "a_opt", "loss at 10x", "loss at 100x", "new run at 10x")
COLUMNS = ("n", "noise", "method", "target", "sweeps", "replicates", "coverage", "width", "unavailable")
MADE_BY = (
    "scalelaw/solver", "scalelaw/intervals", "scalelaw/objectives", "scalelaw/fitting.py", "scalelaw/laws/base.py",
    "scalelaw/laws/_power_sum.py", "scalelaw/laws/chinchilla.py", "tests/slow/coverage_study.py",
)  # fmt: skip


def code_hash() -> str:
    """A hash of the statements the study depends on; comments, docstrings and layout do not enter."""
    paths = [ROOT / name for name in MADE_BY]
    files = [f for path in paths for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    return hashlib.sha256("\n".join(map(_statements, files)).encode()).hexdigest()[:16]


def _statements(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return ast.dump(tree)


def sweep(n: int, noise: str, rng: np.random.Generator) -> RunTable:
    """A grid of sizes (2 decades) by tokens per parameter (5 to 300), a little uneven, with noise of half a per cent."""
    seeds = NOISES[noise]
    sizes, ratios = LAYOUT[n // seeds]
    log_N, log_ratio = (
        grid.ravel() + rng.uniform(-0.15, 0.15, n // seeds)
        for grid in np.meshgrid(np.linspace(np.log(3e7), np.log(3e9), sizes), np.linspace(np.log(5), np.log(300), ratios))
    )
    n_params = np.repeat(np.exp(log_N), seeds)
    n_tokens = np.repeat(np.exp(log_N + log_ratio), seeds)
    group = np.repeat(np.arange(n // seeds), seeds)
    if noise == "student3":
        error = rng.standard_t(3, n) / np.sqrt(3)
    elif seeds > 1:
        error = np.sqrt(0.8) * rng.standard_normal(n // seeds)[group] + np.sqrt(0.2) * rng.standard_normal(n)
    else:
        error = rng.standard_normal(n)
    loss = chinchilla_loss(n_params, n_tokens) * np.exp(SIGMA * error)
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss, group=[str(g) for g in group])


@dataclass
class Tally:
    """What became of one method's intervals for one target."""

    held: int = 0
    asked: int = 0
    widths: list[float] = field(default_factory=list)

    def row(self, unavailable: int) -> dict[str, str]:
        """Coverage among the intervals there were, geometric mean width relative to Wald's, share without one."""
        had = self.asked - unavailable
        return {
            "sweeps": str(self.asked),
            "coverage": f"{self.held / had:.3f}" if had else "",
            "width": f"{math.exp(np.mean(self.widths)):.3f}" if self.widths else "",
            "unavailable": f"{unavailable / self.asked:.3f}",
        }


def questions(fitted: Fit, rng: np.random.Generator) -> dict[str, tuple[str | Target, float]]:
    """Each target with its true value; of the new run, where it did land."""
    c = CHINCHILLA
    truth = np.array([[c[name] for name in fitted.law.names]])
    largest = float((6 * fitted.runs.n_params * fitted.runs.n_tokens).max())
    asked: dict[str, tuple[str | Target, float]] = {
        "alpha": ("alpha", c["alpha"]),
        "beta": ("beta", c["beta"]),
        "a_opt": (OptimalExponent(), c["beta"] / (c["alpha"] + c["beta"])),
    }
    for factor in (10, 100):
        N, D = (float(v[0]) for v in fitted.law.optimum(truth, factor * largest))
        asked[f"loss at {factor}x"] = (LossAt(n_params=N, n_tokens=D), float(chinchilla_loss(np.array(N), np.array(D))))
    target, loss = asked["loss at 10x"]
    return asked | {"new run at 10x": (target, loss * math.exp(SIGMA * float(rng.standard_normal())))}


def answer(found: Uncertainty, name: str, target: str | Target) -> Interval | Unavailable:
    """The interval of a target; of a new run, the prediction interval."""
    if name.startswith("new run"):
        assert isinstance(target, LossAt)
        return found.prediction_interval(**target.inputs)
    return found.interval(target)


def cell(n: int, noise: str, methods: dict[str, tuple[int, int]] | None = None) -> list[dict[str, str]]:
    """The rows of one cell: what every method's intervals did over its sweeps."""
    methods = methods or METHODS
    tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
    lost: dict[tuple[str, str], int] = defaultdict(int)
    for i in range(max(sweeps for sweeps, _ in methods.values())):
        rng = np.random.default_rng([n, list(NOISES).index(noise), i])
        runs = sweep(n, noise, rng)
        wanted = {name: replicates for name, (sweeps, replicates) in methods.items() if i < sweeps}
        try:
            fitted = fit("chinchilla", runs, starts=16)
        except DataError:
            for name in wanted:
                for target in TARGETS:
                    tallies[name, target].asked += 1
                    lost[name, target] += 1
            continue
        asked = questions(fitted, rng)
        plain = uncertainty(fitted, "wald")
        for name, replicates in wanted.items():
            found = uncertainty(fitted, name, replicates=max(replicates, 1), seed=i)
            for label, (target, truth) in asked.items():
                tally, got, yardstick = tallies[name, label], answer(found, label, target), answer(plain, label, target)
                tally.asked += 1
                if not isinstance(got, Interval):
                    lost[name, label] += 1
                    continue
                tally.held += got.contains(truth)
                if isinstance(yardstick, Interval):
                    tally.widths.append(math.log((got.high - got.low) / (yardstick.high - yardstick.low)))
    return [
        {
            "n": str(n), "noise": noise, "method": name, "target": target,
            "replicates": str(methods[name][1]), **tallies[name, target].row(lost[name, target]),
        }  # fmt: skip
        for name in methods
        for target in TARGETS
    ]


def read(path: Path = TABLE) -> list[dict[str, str]]:
    """The rows of the table, where it was made by this code; none otherwise."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else [""]
    return list(csv.DictReader(lines[1:])) if f"code {code_hash()}," in lines[0] else []


def write(rows: list[dict[str, str]], path: Path = TABLE) -> None:
    """The whole table, in the order of its cells."""
    rows = sorted(rows, key=lambda row: (int(row["n"]), list(NOISES).index(row["noise"])))
    with open(path.with_suffix(".part"), "w", newline="", encoding="utf-8") as file:
        file.write(f"# code {code_hash()}, simulated sweeps of chinchilla, objective auto, nominal 0.95\n")
        writer = csv.DictWriter(file, fieldnames=COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path.with_suffix(".part"), path)


def main() -> None:
    """Make what is missing of the table, the largest cells first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    rows = read()
    there = {(int(row["n"]), row["noise"]) for row in rows}
    missing = [(n, noise) for n in sorted(SIZES, reverse=True) for noise in NOISES if (n, noise) not in there]
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        futures = {pool.submit(cell, *key): key for key in missing}
        for future in as_completed(futures):
            rows += future.result()
            write(rows)
            print("done", *futures[future], flush=True)


if __name__ == "__main__":
    main()
