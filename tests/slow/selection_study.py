"""How often does `compare` prefer a richer law to the simple one that is true, and does it see a richer truth?

    python -m tests.slow.selection_study        writes selection.csv beside this file

Each cell simulates sweeps of a known law over four decades of compute, noise half a per cent, and compares the simple
law with a richer one that contains it, both fitted by least squares of the log, which such noise suits. `richer_best`
is how often `Comparison.best` is the richer law; beside it, how often the richer law has the lower backtest error, and
the lower BIC, the two things that the parsimony rule weighs.
The first line of the table holds a hash of the code that made it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from scalelaw.comparing import compare
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA
from tests.slow import provenance

TABLE = Path(__file__).with_name("selection.csv")
SWEEPS, SIGMA = 200, 0.005
ALLOWED = 0.06
"""How often a richer law may be preferred to the true one."""
CROSS = "E + A / N^alpha + B / D^beta + G * (A / N^alpha * B / D^beta)^0.5"

Arrays = np.ndarray


def chinchilla(N: Arrays, D: Arrays, k: float = 1.0, cross: float = 0.0) -> Arrays:
    """Chinchilla's loss with the bracket to the power k, and a cross term."""
    c = CHINCHILLA
    t1, t2 = c["A"] * N ** -c["alpha"], c["B"] * D ** -c["beta"]
    return c["E"] + (t1 + t2) ** k + cross * np.sqrt(t1 * t2)


def power(C: Arrays, bend: float = 0.0) -> Arrays:
    """A power of compute over a constant, whose exponent changes by `bend` beyond 1e19 FLOP."""
    return 1.7 + 30.0 * C**-0.08 * (1.0 + C / 1e19) ** bend


Case = tuple[str, str, Callable[[Arrays, Arrays], Arrays]]
CASES: dict[str, Case] = {
    "chinchilla, or k_power?": ("chinchilla", "k_power", chinchilla),
    "chinchilla, or a cross term?": ("chinchilla", CROSS, chinchilla),
    "power_constant, or a break?": ("power_constant(flops)", "broken_power(flops)", lambda N, D: power(6 * N * D)),
    "k_power with k = 0.7": ("chinchilla", "k_power", lambda N, D: chinchilla(N, D, k=0.7)),
    "a break from 0.08 to 0.16": (
        "power_constant(flops)",
        "broken_power(flops)",
        lambda N, D: power(6 * N * D, bend=-0.08),
    ),
}
TRUE_SIMPLE = tuple(name for name in CASES if name.endswith("?"))
SIZES = (40,)


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    return provenance.code_hash(__file__, ("comparing.py", "backtesting.py", "sizing.py", "criteria.py"))


def sweep(n: int, truth: Callable[[Arrays, Arrays], Arrays], rng: np.random.Generator) -> RunTable:
    """n runs between 1e18 and 1e22 FLOP, 2 to 300 tokens per parameter."""
    C, ratio = np.exp(rng.uniform(np.log(1e18), np.log(1e22), n)), np.exp(rng.uniform(np.log(2), np.log(300), n))
    N = np.sqrt(C / (6 * ratio))
    return RunTable.of(n_params=N, n_tokens=N * ratio, loss=truth(N, N * ratio) * np.exp(SIGMA * rng.normal(size=n)))


def cell(name: str, n: int, sweeps: int = SWEEPS) -> dict[str, object]:
    """The shares of one cell."""
    simple, rich, truth = CASES[name]
    counts = np.zeros(3)
    for i in range(sweeps):
        rng = np.random.default_rng([n, list(CASES).index(name), i])
        comparison = compare(sweep(n, truth, rng), (simple, rich), objective="log_least_squares")
        by_label = {candidate.parameters: candidate for candidate in comparison.candidates}
        poor, better = by_label[min(by_label)], by_label[max(by_label)]
        counts += (
            comparison.best is better,
            better.backtest.error < poor.backtest.error,
            better.criteria.bic < poor.criteria.bic,
        )
    best, error, bic = (f"{share:.3f}" for share in counts / sweeps)
    return {"truth": name, "n": n, "richer_best": best, "richer_lower_error": error, "richer_lower_bic": bic}


def main() -> None:
    """Write the table."""
    made_by = code_hash()
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(cell, *zip(*((name, n) for name in CASES for n in SIZES), strict=True)))
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {made_by}, {SWEEPS} sweeps a cell\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
