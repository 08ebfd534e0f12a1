"""How near does a fitted irreducible loss come to an entropy that is known?

    python -m tests.slow.entropy_study        writes entropy.csv beside this file (half a minute) and prints it

The runs are those of the shipped ladders on sources of known entropy, `data/SOURCE/sweep.toml`; to train `markov` again
takes hours of one core. The Chinchilla law is fitted, by default settings, to all runs of a ladder and to what is left
without its widest, narrowest, longest or shortest runs. A row a fit: E, its 95 % interval, the truth.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from scalelaw.catalogue import shipped
from scalelaw.fitting import fit
from scalelaw.intervals import interval
from scalelaw.readers import read_runs
from scalelaw.results import Interval
from scalelaw.runs import RunTable
from tests.slow import provenance

TABLE = Path(__file__).with_name("entropy.csv")
SOURCES = ("markov",)
NEAR = 0.02
"""Nats; the claim is that E lies this near the truth."""


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    corpora = ("../runners/corpora/chain.py", "../runners/corpora/markov.py")
    return provenance.code_hash(__file__, ("fitting.py", "laws/chinchilla.py", *corpora))


def parts(runs: RunTable) -> dict[str, RunTable]:
    """All runs, and all but those at one end."""
    N, D = runs.n_params, runs.n_tokens
    kept = {
        "all": np.ones(len(runs), bool),
        "without the widest": N.max() > N,
        "without the narrowest": N.min() < N,
        "without the longest": D.max() > D,
        "without the shortest": D.min() < D,
    }
    return {name: runs.where(chosen) for name, chosen in kept.items()}


def row(source: str, part: str, runs: RunTable) -> dict[str, object]:
    """The fit to a part."""
    result = fit("chinchilla", runs)
    known = interval(result, "E")
    low, high = (known.low, known.high) if isinstance(known, Interval) else (np.nan, np.nan)
    truth = float(runs.column("entropy")[0])
    return {
        "source": source,
        "part": part,
        "runs": len(runs),
        "E": f"{result.value('E'):.4f}",
        "low": f"{low:.4f}",
        "high": f"{high:.4f}",
        "truth": f"{truth:.4f}",
        "error": f"{result.value('E') - truth:+.4f}",
    }


def study(source: str) -> list[dict[str, object]]:
    """The rows of one source."""
    return [row(source, part, runs) for part, runs in parts(read_runs(shipped(source))).items()]


def write(rows: list[dict[str, object]], made_by: str) -> None:
    """The rows under the hash."""
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {made_by}, the irreducible loss fitted to runs on sources of known entropy, nats/token\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read() -> list[dict[str, str]]:
    """The committed rows."""
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def main() -> None:
    """Write the table and print it."""
    write([found for source in SOURCES for found in study(source)], code_hash())
    print(TABLE.read_text(), end="")


if __name__ == "__main__":
    main()
