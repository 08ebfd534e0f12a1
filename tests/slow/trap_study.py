"""How often is each planted fault found, and how often does a clean sweep raise an alarm? Simulated sweeps, counted.

    python -m tests.slow.trap_study        writes traps.csv beside this file

Each fault of `tests.checks.plants` is planted in `TRIALS` sweeps, whose designs, sizes and noise are drawn anew, and
the check of its trap is asked. False alarms of a check are counted over clean sweeps of every design, size and noise,
with and without seeds, each fitted, resampled and claimed at its own estimate: with Gaussian noise, and with Student's
t at 3 degrees of freedom. The first line of the table holds a hash of the code that made it: the checks and the
simulations. Fits are held by tests of their own.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections import Counter
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import numpy as np

from scalelaw.checks import check
from scalelaw.fitting import fit
from scalelaw.intervals import bootstrap
from tests.checks.plants import PLANTS, Plant
from tests.checks.sweeps import Sweep, clean_sweeps, simulate

TABLE = Path(__file__).with_name("traps.csv")
TRIALS, REPEATS, REPLICATES = 100, 7, 99
MADE_BY = ("scalelaw/checks", "tests/checks/sweeps.py", "tests/checks/plants.py")
ROOT = Path(__file__).resolve().parents[2]


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    paths = [ROOT / name for name in MADE_BY]
    files = [Path(__file__), *(f for path in paths for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path]))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def power(plant: Plant, trials: int = TRIALS) -> float:
    """The share of trials in which the planted fault is found."""
    found = 0
    for i in range(trials):
        given, options = plant.make(np.random.default_rng([plant.trap, PLANTS.index(plant), i]))
        (result,) = check(given, only=[plant.check], **options)
        found += result.verdict == "found"
    return found / trials


def alarms(sweep: Sweep, i: int) -> Counter[tuple[str, str]]:
    """The verdict of every check on one clean sweep."""
    made = fit("chinchilla", simulate(sweep, np.random.default_rng([sweep.n, sweep.seeds, int(1e4 * sweep.noise), i])))
    draws = bootstrap(made, REPLICATES, seed=i)
    claimed: dict[str, float | str] = {name: f"{value:#.6g}" for name, value in made.estimate.items()}
    claimed |= {f"{name}_se": draws.standard_error(name) for name in made.law.names}
    return Counter((result.check.name, result.verdict) for result in check(made, claimed=claimed, draws=draws))


def all_alarms(heavy: bool, pool: Executor) -> Counter[tuple[str, str]]:
    """Verdicts summed over all clean sweeps."""
    sweeps, repeats = zip(*((sweep, i) for sweep in clean_sweeps(heavy) for i in range(REPEATS)), strict=True)
    return sum(pool.map(alarms, sweeps, repeats), Counter())


def power_of(number: int) -> float:
    """The power against the fault of that number."""
    return power(PLANTS[number])


def rows(pool: Executor) -> list[dict[str, object]]:
    """One row a planted fault."""
    powers = pool.map(power_of, range(len(PLANTS)))
    verdicts = {heavy: all_alarms(heavy, pool) for heavy in (False, True)}
    table: list[dict[str, object]] = []
    for plant, found_in in zip(PLANTS, powers, strict=True):
        row: dict[str, object] = {"trap": plant.trap, "check": plant.check, "fault": plant.fault}
        row |= {"power": f"{found_in:.2f}", "trials": TRIALS}
        for heavy, name in ((False, "false_alarm"), (True, "false_alarm_heavy")):
            found, clear = (verdicts[heavy][plant.check, verdict] for verdict in ("found", "clear"))
            row |= {name: f"{found / (found + clear):.3f}", f"{name}_trials": found + clear}
        table.append(row)
        print(row, file=sys.stderr)
    return table


def main() -> None:
    """Write the table."""
    with ProcessPoolExecutor() as pool:
        table = rows(pool)
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, {TRIALS} sweeps a fault, {REPEATS} of each clean layout\n")
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
