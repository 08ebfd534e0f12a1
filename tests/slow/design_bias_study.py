"""What a design costs where the law is not quite true: the bias of each, in runs without noise of a law slightly bent.

    python -m tests.slow.design_bias_study        writes design_bias.csv beside this file; a minute of one core

Truths: that of Besiroglu et al. 2024, with t1 and t2 its terms in N and D, plus c sqrt(t1 t2), or with exponents that
drift by `bend` a unit of ln N about 1e8 parameters and of ln D about 2e9 tokens. Chinchilla's law is fitted to the
pilots and either the design's runs or those of an IsoFLOP grid, as in `design_study`; `loss` and `N_opt` are the errors
of their logarithms at 100 times the largest run, to be held against the standard errors from noise, `loss_se` and
`N_opt_se`, beside them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

import scalelaw as sl
from scalelaw.designing import design
from tests.slow.design_study import BUDGET, LARGEST, MADE_BY, SIGMA, STARTS, TRUTHS, pilots
from tests.slow.provenance import code_hash as hash_of

TABLE = Path(__file__).with_name("design_bias.csv")
BENDS = [(0.0, 0.0), (0.1, 0.0), (0.2, 0.0), (0.0, 0.01), (0.0, -0.01)]
"""c and bend of each truth."""
RANGES = [(1.0, 2000.0), (4.0, 400.0), (5.0, 100.0)]
"""Limits of D/N of each design."""
TARGET = 100 * LARGEST
Truth = Callable[[np.ndarray, np.ndarray], np.ndarray]


def code_hash() -> str:
    """A hash of the code the study depends on."""
    return hash_of(__file__, MADE_BY)


def bent(c: float, bend: float) -> Truth:
    """The loss of a bent law."""
    t = TRUTHS["besiroglu"]

    def loss(n_params: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
        x, y = np.log(n_params / 1e8), np.log(n_tokens / 2e9)
        t1 = t["A"] * n_params ** -t["alpha"] * np.exp(bend * x**2 / 2)
        t2 = t["B"] * n_tokens ** -t["beta"] * np.exp(bend * y**2 / 2)
        return np.asarray(t["E"] + t1 + t2 + c * np.sqrt(t1 * t2))

    return loss


def best(truth: Truth) -> np.ndarray:
    """ln L and ln N of the truth's best use of the target budget."""

    def along(log_n: float) -> float:
        n_params = np.array([np.exp(log_n)])
        return float(truth(n_params, TARGET / 6 / n_params)[0])

    found = minimize_scalar(along, bounds=(18, 27), method="bounded", options={"xatol": 1e-10})
    return np.array([np.log(found.fun), found.x])


def errors(truth: Truth, points: list[tuple[float, float]]) -> np.ndarray:
    """The errors of ln L and ln N_opt of the law fitted to the pilots and these runs."""
    n_params, n_tokens = (np.concatenate([a, b]) for a, b in zip(pilots("besiroglu"), np.array(points).T, strict=True))
    runs = sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=truth(n_params, n_tokens))
    fit = sl.fit("chinchilla", runs, "log_least_squares", starts=STARTS)
    targets = (sl.OptimalLoss(TARGET), sl.OptimalParams(TARGET))
    found = [float(np.log(target.evaluate(fit, fit.natural[None])[0])) for target in targets]
    return np.asarray(np.array(found) - best(truth))


def rows(c: float, bend: float) -> list[dict[str, object]]:
    """The grid's errors and each design's, for one truth."""
    truth = bent(c, bend)
    n_params, n_tokens = pilots("besiroglu")
    noise = SIGMA * np.random.default_rng(0).standard_normal(len(n_params))
    first = sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=truth(n_params, n_tokens) * np.exp(noise))
    prior = sl.fit("chinchilla", first, starts=STARTS)
    out: list[dict[str, object]] = []
    for ratios in RANGES:
        made = design(prior, BUDGET, largest=LARGEST, ratios=ratios, targets=["100x"])
        gains = {gain.target: gain for gain in made.verdict.gains}
        kinds = [("design", made.layout, {name: gain.design for name, gain in gains.items()})]
        if ratios == RANGES[0]:
            kinds.insert(0, ("IsoFLOP", made.reference, {name: gain.grid for name, gain in gains.items()}))
        for kind, layout, noise_errors in kinds:
            loss, size = errors(truth, layout.each_run())
            limits = f"{ratios[0]:g} to {ratios[1]:g}" if kind == "design" else "+-4x of N_opt"
            out.append(
                {
                    **{"cross": c, "bend": bend, "runs": kind, "D/N": limits},
                    **{"loss": f"{loss:+.4f}", "loss_se": f"{noise_errors['loss']:.4f}"},
                    **{"N_opt": f"{size:+.4f}", "N_opt_se": f"{noise_errors['N_opt']:.4f}"},
                }
            )
    return out


def main() -> None:
    """Write the table."""
    table = [row for truth in BENDS for row in rows(*truth)]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, pilots with noise {SIGMA:g} for the design alone, fits without\n")
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
