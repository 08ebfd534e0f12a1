"""Two hundred kills of a training run, and one at each step of a save: does it go on, what is lost, is it the same?

    python -m tests.slow.crash_study        writes crash.csv beside this file

Dropout is on and every epoch is shuffled anew; a checkpoint comes every five steps. A row is a point at which the
process is killed, or one run that is killed at random moments until it finishes. The same: parameters, the optimizer's
state, the random numbers to come, every logged loss and the record have one hash with those of a run left alone.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np

from tests.runners.crash.trials import at_points, at_random, expected
from tests.slow.provenance import code_hash

TABLE = Path(__file__).with_name("crash.csv")
KILLS = 200
NAMES = ("checkpoints", "recording", "training", "store", "leases", "signals", "options")
MADE_BY = [*(f"../runners/{name}.py" for name in NAMES), "../tests/runners/crash/trials.py"]


def made_by() -> str:
    """The hash of the code that the table belongs to."""
    return code_hash(__file__, MADE_BY)


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as name, open(TABLE, "w", newline="") as file:
        folder = Path(name)
        alone = expected(folder)
        file.write(f"# code {made_by()}, {KILLS} kills at random\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kill", "killed", "resumed", "steps_lost", "identical"])
        for trial in at_points(folder, alone):
            writer.writerow(trial.values())
        for trial in at_random(folder, alone, KILLS, np.random.default_rng(20261122)):
            writer.writerow(trial.values())
            file.flush()


if __name__ == "__main__":
    main()
