"""Does the default design beat an IsoFLOP grid of its cost, from a noisy prior and in noisy runs? Simulated, counted.

    python -m tests.slow.design_study        writes design.csv beside this file; half an hour of one core

Each sweep: 15 pilots of at most 1e18 FLOP are simulated and fitted; that fit makes the design, and places the IsoFLOP
grid, 3 budgets by 5 sizes over +-4x of its own N_opt; the runs of each are simulated, fitted by `sl.fit` together with
the pilots (or, `alone`, without them, from a design that left them out), and asked for the loss and N_opt at 100 and
1000 times the largest run, 3e19 FLOP. `ratio` is a variance over sweeps, of the design over that of the grid, plain
(about the mean) and robust (1.4826 times the median absolute deviation, squared), each with a 95 % interval from
resampling whole sweeps; `tripled` is the same against the grid run three times over, at three times the cost.
`foretold` is the ratio that the design states, `compute` how many grids it says match it: medians over sweeps.

Truths: the Chinchilla law of Besiroglu et al. 2024, and an asymmetric one whose N_opt grows as C^0.36.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

import scalelaw as sl
from scalelaw.designing import design
from scalelaw.intervals import OptimalLoss, OptimalParams
from tests.slow.provenance import code_hash as hash_of

TABLE = Path(__file__).with_name("design.csv")
MADE_BY = [
    f"designing/{name}.py"
    for name in (
        *("aims", "base", "belief", "candidates", "comparison", "design", "exchange", "isoflop_grid"),
        *("criteria/base", "criteria/compound", "criteria/loss", "criteria/n_opt"),
    )
]
TRUTHS = {
    "besiroglu": {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658},
    "asymmetric": {"E": 1.5, "A": 1200.0, "alpha": 0.42, "B": 180.0, "beta": 0.24},
}
CELLS = [(truth, how) for truth in TRUTHS for how in ("with pilots", "alone")]
SWEEPS = 500
SIGMA = 0.005
"""Noise of a run in ln L, Gaussian: about the scatter of the published Chinchilla runs."""
PILOTS, LARGEST = 1e18, 3e19
SHARES = np.repeat([0.1, 10**-0.5, 1.0], 5)
"""Budgets of an IsoFLOP grid of 15 runs, as shares of its largest."""
BUDGET = float(LARGEST * SHARES.sum())
STARTS = 16
"""Starts of each fit."""
RESAMPLES = 2000


def code_hash() -> str:
    """A hash of the code the study depends on."""
    return hash_of(__file__, MADE_BY)


def simulate(truth: str, n_params: np.ndarray, n_tokens: np.ndarray, rng: np.random.Generator) -> sl.RunTable:
    """Runs that follow a truth with noise."""
    t = TRUTHS[truth]
    loss = t["E"] + t["A"] * n_params ** -t["alpha"] + t["B"] * n_tokens ** -t["beta"]
    noise = SIGMA * rng.standard_normal(len(loss))
    return sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss * np.exp(noise))


def pilots(truth: str) -> tuple[np.ndarray, np.ndarray]:
    """N and D of 15 small runs: three budgets to 1e18 FLOP, sizes fourfold to either side of 20 tokens a parameter."""
    flops = PILOTS * SHARES
    n_params = np.sqrt(flops / 6 / 20) * np.tile([0.25, 0.5, 1.0, 2.0, 4.0], 3)
    return n_params, flops / 6 / n_params


def answers(fit: sl.Fit) -> list[float]:
    """ln L and ln N_opt at 100 and 1000 times the largest run."""
    targets = [kind(times * LARGEST) for kind in (OptimalLoss, OptimalParams) for times in (100, 1000)]
    with np.errstate(all="ignore"):
        return [float(np.log(target.evaluate(fit, fit.natural[None])[0])) for target in targets]


def joined(first: sl.RunTable, n_params: np.ndarray, n_tokens: np.ndarray, loss: np.ndarray) -> sl.RunTable:
    """The pilots and further runs as one table."""
    return sl.RunTable.of(
        n_params=np.concatenate([first.n_params, n_params]),
        n_tokens=np.concatenate([first.n_tokens, n_tokens]),
        loss=np.concatenate([first.loss, loss]),
    )


def sweep(truth: str, how: str, i: int) -> dict[str, list[float]]:
    """One simulated sweep: the answers of the design, of the grid and of three grids, and what was foretold."""
    rng = np.random.default_rng([CELLS.index((truth, how)), i])
    first = simulate(truth, *pilots(truth), rng)
    prior = sl.fit("chinchilla", first, starts=STARTS)
    made = design(prior, BUDGET, largest=LARGEST, alone=how == "alone", seed=i)
    found: dict[str, list[float]] = {}
    for name, layout, times in (
        ("design", made.layout, 1),
        ("grid", made.reference, 1),
        ("tripled", made.reference, 3),
    ):
        n_params, n_tokens = np.array(layout.each_run() * times).T
        new = simulate(truth, n_params, n_tokens, rng)
        runs = new if how == "alone" else joined(first, n_params, n_tokens, new.loss)
        found[name] = answers(sl.fit("chinchilla", runs, starts=STARTS))
    found["foretold"] = [gain.ratio for gain in made.verdict.gains]
    found["compute"] = [gain.compute for gain in made.verdict.gains]
    found["layout"] = [made.layout.distinct, made.layout.runs, made.layout.cost / BUDGET]
    return found


def plain(values: np.ndarray) -> np.ndarray:
    """The variance over the last axis."""
    return np.asarray(values.var(axis=-1, ddof=1))


def robust(values: np.ndarray) -> np.ndarray:
    """The squared, scaled median absolute deviation over the last axis."""
    return np.asarray((1.4826 * np.median(np.abs(values - np.median(values, axis=-1, keepdims=True)), axis=-1)) ** 2)


def rows(truth: str, how: str, sweeps: int = SWEEPS) -> list[dict[str, object]]:
    """A row for each target of a cell."""
    found = []
    for i in range(sweeps):
        found.append(sweep(truth, how, i))
        if sys.stderr.isatty():
            print(f"\r{truth}, {how}: {i + 1} of {sweeps}", end="", file=sys.stderr)
    layouts = np.array([one["layout"] for one in found])
    rng = np.random.default_rng(0)
    again = rng.integers(0, sweeps, (RESAMPLES, sweeps))
    t = TRUTHS[truth]
    out = []
    for k, name in enumerate(("loss at 100x", "loss at 1000x", "N_opt at 100x", "N_opt at 1000x")):
        values = {arm: np.array([one[arm][k] for one in found]) for arm in ("design", "grid", "tripled")}
        good = np.isfinite(np.array(list(values.values()))).all(axis=0)
        row: dict[str, object] = {
            "truth": truth,
            "how": how,
            "target": name,
            "sweeps": sweeps,
            "failed": int((~good).sum()),
        }
        values = {arm: np.where(good, value, np.median(value[good])) for arm, value in values.items()}
        for label, spread in (("plain", plain), ("robust", robust)):
            ratio = spread(values["design"]) / spread(values["grid"])
            over = spread(values["design"][again]) / spread(values["grid"][again])
            low, high = np.quantile(over, [0.025, 0.975])
            row |= {label: f"{ratio:.3f}", f"{label}_low": f"{low:.3f}", f"{label}_high": f"{high:.3f}"}
        row["tripled_plain"] = f"{plain(values['design']) / plain(values['tripled']):.3f}"
        row["tripled_robust"] = f"{robust(values['design']) / robust(values['tripled']):.3f}"
        row["foretold"] = f"{np.median([one['foretold'][k] for one in found]):.3f}"
        row["compute"] = f"{np.median([one['compute'][k] for one in found]):.2f}"
        row["sd_design"], row["sd_grid"] = (f"{np.sqrt(robust(values[arm])):.5f}" for arm in ("design", "grid"))
        row["bias_design"], row["bias_grid"] = (
            f"{np.median(values[arm]) - _true(t, k):+.5f}" for arm in ("design", "grid")
        )
        row["first_sweep"] = f"{found[0]['design'][k]:.6f}"
        row["fewest_distinct"], row["most_runs"] = int(layouts[:, 0].min()), int(layouts[:, 1].max())
        row["highest_cost"] = f"{layouts[:, 2].max():.4f}"
        out.append(row)
    return out


def _true(t: dict[str, float], k: int) -> float:
    flops, a, b = (100.0, 1000.0)[k % 2] * LARGEST, t["alpha"], t["beta"]
    n_params = (a * t["A"] / (b * t["B"])) ** (1 / (a + b)) * (flops / 6) ** (b / (a + b))
    loss = t["E"] + t["A"] * n_params**-a + t["B"] * (flops / 6 / n_params) ** -b
    return float(np.log(loss if k < 2 else n_params))


def main() -> None:
    """Write the table."""
    table = [row for cell in CELLS for row in rows(*cell)]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, noise {SIGMA:g} in log-loss, budget {BUDGET:.4g} FLOP\n")
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
