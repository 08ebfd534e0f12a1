"""Laws of the best learning rate and batch size, from a sweep of both at several sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import DataError
from scalelaw.fitting import Fit, fit
from scalelaw.runs import Floats, RunTable

WITHIN = 0.0025
"""Share above a cell's least loss up to which a run counts as best, as in Li et al. 2025, arXiv 2503.04715."""


@dataclass(frozen=True, slots=True)
class Regret:
    """What following a law costs in a cell: the run nearest to it in (ln rate, ln batch), against the cell's best."""

    n_params: float
    n_tokens: float
    learning_rate: float
    batch_tokens: float
    excess: float


@dataclass(frozen=True)
class HyperparameterLaws:
    """The best learning rate and batch size as laws, fitted to the best runs of a sweep.

    Attributes:
        learning_rate: c D^b / N^a, fitted to `best`.
        batch_size: c D^b in tokens, fitted to `best`; ask `uncertainty` for the intervals of either.
        best: the runs within a hair of their cell's least loss; a cell is one group.
        regrets: what following both laws costs in each cell, on the same runs.
    """

    learning_rate: Fit
    batch_size: Fit
    best: RunTable
    regrets: tuple[Regret, ...]

    def at(self, n_params: float, n_tokens: float) -> tuple[float, float]:
        """The learning rate, and the batch in tokens, for a run."""
        rate = self.learning_rate.predict(n_params=n_params, n_tokens=n_tokens)[0]
        return float(rate), float(self.batch_size.predict(n_tokens=n_tokens)[0])


def hyperparameter_laws(runs: RunTable, within: float = WITHIN) -> HyperparameterLaws:
    """The laws of a sweep: a table with the columns `learning_rate` and `batch_tokens` beside N, D and loss.

    A cell is the runs of one (N, D). Its runs with a loss of at most (1 + within) times the least are kept, and ln rate
    and ln batch fitted by least squares. The exponents move with `within` and with the cells, by more than intervals
    from one choice say; compare a few.

    Raises:
        DataError: below three cells, for three exponents cannot be had from fewer.

    Source: Li et al. 2025, arXiv 2503.04715 (the step law).
    """
    cell = _cells(runs)
    cells = np.unique(cell)
    if len(cells) < 3:
        raise DataError("E_TOO_FEW_RUNS", "laws of the learning rate need three pairs of N and D", value=len(cells),
                        remedy="sweep learning rate and batch at more sizes")  # fmt: skip
    least = np.array([runs.loss[cell == i].min() for i in cells])
    best = runs.where(runs.loss <= (1.0 + within) * least[cell])
    groups = tuple(f"N={N:.4g}, D={D:.4g}" for N, D in zip(best.n_params, best.n_tokens, strict=True))
    best = RunTable.of(
        loss=best.loss, n_params=best.n_params, n_tokens=best.n_tokens, run_id=best.run_id, group=groups,
        extras={name: best.column(name).astype(float) for name in ("learning_rate", "batch_tokens")},
    )  # fmt: skip
    rate = fit("learning_rate", best, "log_least_squares")
    batch = fit("batch_size", best, "log_least_squares")
    at = {"n_params": runs.n_params, "n_tokens": runs.n_tokens}
    costs = regrets(runs, rate.predict(**at), batch.predict(n_tokens=runs.n_tokens))
    return HyperparameterLaws(rate, batch, best, costs)


def regrets(runs: RunTable, learning_rate: ArrayLike, batch_tokens: ArrayLike) -> tuple[Regret, ...]:
    """What rates and batches, one for each row of a sweep, cost in each cell; see `Regret`.

    Where the sweep's grid is coarse, the nearest run may be off the law by half a step of the grid.
    """
    cell = _cells(runs)
    wanted: Mapping[str, Floats] = {
        "learning_rate": np.broadcast_to(np.asarray(learning_rate, dtype=float), len(runs)),
        "batch_tokens": np.broadcast_to(np.asarray(batch_tokens, dtype=float), len(runs)),
    }
    away = np.hypot(*(np.log(runs.column(name).astype(float) / value) for name, value in wanted.items()))
    found = []
    for i in np.unique(cell):
        rows = np.flatnonzero(cell == i)
        near = rows[np.argmin(away[rows])]
        excess = float(runs.loss[near] / runs.loss[rows].min() - 1.0)
        rate, batch = (float(runs.column(name)[near]) for name in wanted)
        found.append(Regret(float(runs.n_params[near]), float(runs.n_tokens[near]), rate, batch, excess))
    return tuple(found)


def _cells(runs: RunTable) -> np.ndarray:
    pairs = np.stack([runs.require("n_params"), runs.require("n_tokens")], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
