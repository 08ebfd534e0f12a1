"""How often do approaches 1 and 2 hold the true exponent, and how far off are they? Simulated sweeps, counted.

    python -m tests.slow.allocation_study        writes allocation.csv beside this file

Truth: the Chinchilla law of Besiroglu et al. 2024. The first line of the table holds a hash of the code that made it.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np

from scalelaw.approaches import Allocation, envelope, isoflop
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.approaches.conftest import BUDGETS, EPOCH

TABLE = Path(__file__).with_name("allocation.csv")
ROOT = Path(__file__).resolve().parents[2]
MADE_BY = [ROOT / "scalelaw/approaches" / name for name in ("_polynomial.py", "base.py", "envelope.py", "isoflop.py")]
SWEEPS = {"isoflop": 300, "envelope": 60}
SIGMA = 0.004
CELLS = [
    *(("isoflop", design, noise) for design in ("4 +-4x", "9 +-2x", "9 +-8x") for noise in ("gaussian", "student3")),
    *(("envelope", f"{sizes} curves", "gaussian") for sizes in (15, 40)),
]
"""Approach, design (budgets and how far each is swept, or training curves) and noise of 0.4 % in the loss of a run."""


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    files = [Path(__file__), ROOT / "tests/approaches/conftest.py", *MADE_BY]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def allocation(approach: str, design: str, noise: str, rng: np.random.Generator) -> Allocation:
    """One simulated sweep and what the approach makes of it."""
    if approach == "envelope":
        sizes = int(design.split()[0])
        n_params = np.repeat(np.geomspace(4e7, 6.3e9, sizes), 60)
        n_tokens = n_params * np.tile(np.geomspace(1, 400, 60), sizes)
        wobble = np.repeat(SIGMA * rng.standard_normal(sizes), 60)
        group = np.repeat([f"run{i}" for i in range(sizes)], 60).tolist()
    else:
        count, factor = design.split(" +-")
        flops = np.repeat(np.geomspace(BUDGETS[0], BUDGETS[-1], int(count)), 9)
        n_params = EPOCH.n_opt(flops) * np.tile(np.geomspace(1 / float(factor[:-1]), float(factor[:-1]), 9), int(count))
        n_tokens = flops / 6 / n_params
        student = rng.standard_t(3, len(flops)) / np.sqrt(3)
        wobble = SIGMA * (student if noise == "student3" else rng.standard_normal(len(flops)))
        group = None
    runs = RunTable.of(
        n_params=n_params, n_tokens=n_tokens, loss=EPOCH.loss(n_params, n_tokens) * np.exp(wobble), group=group
    )
    return isoflop(runs) if approach == "isoflop" else envelope(runs, bins=300, replicates=199)


def cell(approach: str, design: str, noise: str) -> dict[str, object]:
    """Coverage, bias and median absolute error of the exponent of N_opt; how often there was no interval."""
    errors, held, intervals = [], 0, 0
    for i in range(SWEEPS[approach]):
        rng = np.random.default_rng([CELLS.index((approach, design, noise)), i])
        law = allocation(approach, design, noise, rng).n_params
        if isinstance(law, Unavailable):
            continue
        errors.append(law.exponent - EPOCH.exponent)
        if isinstance(law.interval, Interval):
            intervals += 1
            held += law.interval.contains(EPOCH.exponent)
    return {
        "approach": approach,
        "design": design,
        "noise": noise,
        "sweeps": SWEEPS[approach],
        "intervals": intervals,
        "coverage": f"{held / intervals:.3f}",
        "bias": f"{np.mean(errors):+.4f}",
        "median_error": f"{np.median(np.abs(errors)):.4f}",
    }


def main() -> None:
    """Write the table."""
    rows = [cell(*which) for which in CELLS]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, nominal 0.95, noise {SIGMA:g} in log-loss\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
