"""How often the intervals of a loss-to-loss law hold what they should, by simulation.

    python -m tests.slow.loss2loss_study        writes loss2loss.csv beside this file; a few minutes of one core

Each sweep is a grid of N and D on two data sets whose losses are of Chinchilla's form, L_y = K (L_x - E_x) + E_y, so
that both surfaces are true; every loss has log-normal noise. Irreducible losses are fitted. `kappa` and `K` are held
against the truth, `loss` against the curve at five times the largest N and D, 25 times the largest compute, and
`new run` against a noisy run there whose noisy partner on x is given.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

import scalelaw as sl
from scalelaw.loss2loss import pair_runs, relate, resample
from scalelaw.results import Interval, Unavailable
from tests.slow.provenance import code_hash as hash_of

TABLE = Path(__file__).with_name("loss2loss.csv")
MADE_BY = [f"loss2loss/{name}.py" for name in ("pairing", "relating", "resampling")]
SWEEPS, REPLICATES, STARTS = 1000, 400, 8
SETTINGS = [(16, 0.003), (25, 0.003), (36, 0.003), (36, 0.01)]
"""Configurations, and the standard deviation of the noise."""
KAPPA, K, E_X, E_Y = 1.0, 0.9, 1.7, 1.3
LARGEST = (1e9, 4e10)
BEYOND = 5.0
TARGETS = ("kappa", "K", "loss", "new run")


def code_hash() -> str:
    """A hash of the code the study depends on."""
    return hash_of(__file__, MADE_BY)


def loss_x(n_params: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
    """The loss on x without noise."""
    return np.asarray(E_X + 482 * n_params**-0.348 + 2085 * n_tokens**-0.366)


def loss_y(x: np.ndarray) -> np.ndarray:
    """The loss on y at a loss on x."""
    return np.asarray(E_Y + K * (x - E_X) ** KAPPA)


def sweep(configurations: int, noise: float, seed: int, replicates: int = REPLICATES) -> dict[str, tuple[bool, float]]:
    """For each target: whether its interval held the truth, and its width."""
    rng = np.random.default_rng([configurations, round(1e4 * noise), seed])
    side = round(configurations**0.5)
    grids = np.geomspace(2e7, LARGEST[0], side), np.geomspace(5e8, LARGEST[1], side)
    n_params, n_tokens = (axis.ravel() for axis in np.meshgrid(*grids))
    true_x = loss_x(n_params, n_tokens)

    def noisy(loss: np.ndarray) -> np.ndarray:
        return np.asarray(loss * np.exp(noise * rng.standard_normal(len(loss))))

    x, y = (sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=noisy(loss)) for loss in (true_x, loss_y(true_x)))
    known = resample(relate(pair_runs(x, y), starts=STARTS), replicates, seed=seed)
    far = loss_x(np.array([BEYOND * LARGEST[0]]), np.array([BEYOND * LARGEST[1]]))
    seen_x, seen_y = noisy(far), noisy(loss_y(far))
    intervals: dict[str, tuple[Interval | Unavailable, float]] = {
        "kappa": (known.interval("kappa"), KAPPA),
        "K": (known.interval("K"), K),
        "loss": (known.at(float(far[0])), float(loss_y(far)[0])),
        "new run": (known.prediction_at(float(seen_x[0])), float(seen_y[0])),
    }
    return {
        name: (found.contains(truth), found.high - found.low) if isinstance(found, Interval) else (False, np.nan)
        for name, (found, truth) in intervals.items()
    }


def rows(configurations: int, noise: float, sweeps: int = SWEEPS) -> list[dict[str, object]]:
    """Coverage and median width of each target over sweeps."""
    found = [sweep(configurations, noise, seed) for seed in range(sweeps)]
    return [
        {
            **{"configurations": configurations, "noise": noise, "target": name, "sweeps": sweeps},
            "replicates": REPLICATES,
            "coverage": f"{np.mean([one[name][0] for one in found]):.4f}",
            "width": f"{np.nanmedian([one[name][1] for one in found]):.4g}",
            "unavailable": f"{np.mean([np.isnan(one[name][1]) for one in found]):.4f}",
        }
        for name in TARGETS
    ]


def main() -> None:
    """Write the table."""
    table = [row for setting in SETTINGS for row in rows(*setting)]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, nominal 0.95; python -m tests.slow.loss2loss_study\n")
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
