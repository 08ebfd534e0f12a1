"""How often do intervals hold the truth, method by method? Simulated sweeps of a known law, counted.

    python -m tests.slow.coverage_study [--workers 2]        writes scalelaw/intervals/coverage.csv

Each cell simulates sweeps of the Chinchilla law and asks every method for 95 % intervals: 16 sizes and noises,
under the default objective and the published one. A run that was cut short continues with the cells that are missing.
The first line of the table holds a hash of the code that made it. It takes about half an hour on two cores.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import math
import os
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
LAYOUT = {
    3: (3, 1),
    5: (5, 1),
    6: (3, 2),
    10: (5, 2),
    12: (4, 3),
    20: (5, 4),
    40: (8, 5),
    60: (10, 6),
    120: (12, 10),
    240: (24, 10),
}
"""Model sizes by tokens per parameter for a number of configurations."""
METHODS = {
    "auto": {
        "auto": (1000, 0),
        "wald": (1000, 0),
        "sandwich": (1000, 0),
        "jackknife": (1000, 0),
        "studentised": (300, 199),
        "residual": (100, 199),
        "wild_cluster": (100, 199),
        "bootstrap": (200, 199),
        "bca": (100, 199),
        "profile": (100, 0),
    },
    "log_huber": {"auto": (500, 0), "wald": (500, 0), "bootstrap": (100, 199)},
}
"""Sweeps a cell and replicates a sweep, by objective and method; the posterior, at seconds a sweep, has no rows."""
REFUSED = 5
"""As many configurations as parameters or fewer have no intervals, which 25 sweeps show as well as 1000."""
SIGMA = 0.005
TARGETS = ("alpha", "beta", "a_opt", "loss at 10x", "loss at 100x", "new run at 10x")
COLUMNS = ("n", "noise", "objective", "method", "target", "sweeps", "replicates", "coverage", "width", "unavailable")
MADE_BY = (ROOT / "scalelaw/intervals", Path(__file__))
NO_MATTER = {"__init__.py", "measured.py", "posterior.py"}


def code_hash() -> str:
    """A hash of the statements that make intervals and of this study; comments, docstrings, types and layout do not.

    Solver, objectives and fits do not enter either: a change of theirs that matters fails the test that repeats a cell.
    """
    files = [f for path in MADE_BY for f in (sorted(path.glob("*.py")) if path.is_dir() else [path])]
    return hashlib.sha256("\n".join(_statements(f) for f in files if f.name not in NO_MATTER).encode()).hexdigest()[:16]


def _statements(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        for hint in {"annotation", "returns"} & set(node._fields):
            setattr(node, hint, None)
    return ast.dump(tree)


def sweep(n: int, noise: str, rng: np.random.Generator) -> RunTable:
    """A grid of sizes (2 decades) by tokens per parameter (5 to 300), a little uneven; noise of half a per cent."""
    seeds = NOISES[noise]
    sizes, ratios = LAYOUT[n // seeds]
    grid = np.meshgrid(np.log(np.geomspace(3e7, 3e9, sizes)), np.log(np.geomspace(5, 300, ratios)))
    log_N, log_ratio = (values.ravel() + rng.uniform(-0.15, 0.15, n // seeds) for values in grid)
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

    asked: int = 0
    had: int = 0
    held: int = 0
    widths: list[float] = field(default_factory=list)

    def lose(self) -> None:
        """A sweep without an interval."""
        self.asked += 1

    def add(self, got: Interval | Unavailable, yardstick: Interval | Unavailable, truth: float) -> None:
        """A sweep with its interval, the Wald interval of the same sweep, and the truth."""
        self.asked += 1
        if isinstance(got, Interval):
            self.had += 1
            self.held += got.contains(truth)
            if isinstance(yardstick, Interval) and yardstick.low < yardstick.high and got.low < got.high:
                self.widths.append(math.log((got.high - got.low) / (yardstick.high - yardstick.low)))

    def row(self) -> dict[str, str]:
        """Coverage among the intervals there were, geometric mean width relative to Wald's, share without one."""
        return {
            "sweeps": str(self.asked),
            "coverage": f"{self.held / self.had:.4f}" if self.had else "",
            "width": f"{math.exp(np.mean(self.widths)):.3f}" if self.widths else "",
            "unavailable": f"{1 - self.had / self.asked:.3f}",
        }


def questions(fitted: Fit, noise: str, rng: np.random.Generator) -> dict[str, tuple[str | Target, float]]:
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
    error = rng.standard_t(3) / math.sqrt(3) if noise == "student3" else rng.standard_normal()
    return asked | {"new run at 10x": (target, loss * math.exp(SIGMA * float(error)))}


def answer(found: Uncertainty, name: str, target: str | Target) -> Interval | Unavailable:
    """The interval of a target; of a new run, the prediction interval."""
    if name.startswith("new run"):
        assert isinstance(target, LossAt)
        return found.prediction_interval(**target.inputs)
    return found.interval(target)


def cell(n: int, noise: str, objective: str, sweeps: int | None = None) -> list[dict[str, str]]:
    """The rows of one cell: what every method's intervals did over its sweeps, at most so many."""
    methods = {name: (min(count, sweeps or count), rep) for name, (count, rep) in METHODS[objective].items()}
    tallies = {(name, target): Tally() for name in methods for target in TARGETS}
    if n // NOISES[noise] <= REFUSED:
        methods = {name: (min(count, 25), replicates) for name, (count, replicates) in methods.items()}
    for i in range(max(count for count, _ in methods.values())):
        rng = np.random.default_rng([n, list(NOISES).index(noise), i])
        wanted = {name: replicates for name, (count, replicates) in methods.items() if i < count}
        try:
            fitted = fit("chinchilla", sweep(n, noise, rng), objective, starts=16)
        except DataError:
            for name, target in ((name, target) for name in wanted for target in TARGETS):
                tallies[name, target].lose()
            continue
        asked = questions(fitted, noise, rng)
        plain = uncertainty(fitted, "wald")
        for name, replicates in wanted.items():
            found = uncertainty(fitted, name, replicates=max(replicates, 1), seed=i)
            for label, (target, truth) in asked.items():
                tallies[name, label].add(answer(found, label, target), answer(plain, label, target), truth)
    cells = {"n": str(n), "noise": noise, "objective": objective}
    return [
        {**cells, "method": name, "target": target, "replicates": str(methods[name][1]), **tally.row()}
        for (name, target), tally in tallies.items()
    ]


def read(made_by: str, path: Path = TABLE) -> list[dict[str, str]]:
    """The rows of the table, where it was made by this code; none otherwise."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else [""]
    return list(csv.DictReader(lines[1:])) if f"code {made_by}," in lines[0] else []


def write(rows: list[dict[str, str]], made_by: str, path: Path = TABLE) -> None:
    """The whole table, in the order of its cells."""
    rows = sorted(
        rows, key=lambda row: (list(METHODS).index(row["objective"]), int(row["n"]), list(NOISES).index(row["noise"]))
    )
    with open(path.with_suffix(".part"), "w", newline="", encoding="utf-8") as file:
        file.write(
            f"# code {made_by}, simulated sweeps of chinchilla, nominal 0.95; python -m tests.slow.coverage_study\n"
        )
        writer = csv.DictWriter(file, fieldnames=COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path.with_suffix(".part"), path)


def main() -> None:
    """Make what is missing of the table, cell by cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    workers, made_by = parser.parse_args().workers, code_hash()
    os.environ.setdefault("SCALELAW_SOLVER", "compiled")
    rows = read(made_by)
    there = {(int(row["n"]), row["noise"], row["objective"]) for row in rows}
    cells = [(n, noise, objective) for objective in METHODS for n in SIZES for noise in NOISES]
    with ProcessPoolExecutor(workers) as pool:
        futures = {pool.submit(cell, *key): key for key in cells if key not in there}
        for future in as_completed(futures):
            rows += future.result()
            write(rows, made_by)
            print("done", *futures[future], flush=True)


if __name__ == "__main__":
    main()
