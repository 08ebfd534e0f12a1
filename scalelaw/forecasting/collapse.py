"""Do the loss curves of a ladder fall on one another once scaled to their ends? The run that does not is mis-tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.runs import Floats, RunTable

GRID = 0.1 + 0.05 * np.arange(18)
"""Shares of training x at which curves are compared, by default; at x = 1 all are 1."""
FALLS_OFF = 4.0
"""How many times the others' usual distance from one another a run must be away to be named."""
LEAST = 1e-6
"""Distances below this share of the curve count as none."""


@dataclass(frozen=True)
class Collapse:
    """Normalised curves l(x) = (L(x c*) - L_0) / (L(c*) - L_0) of runs that each ended at a compute c* of their own.

    Attributes:
        irreducible: L_0, nats/token; `chosen` says whether it was chosen for the least spread.
        x: shares of training, `[m]`.
        names: the configurations; seeds of one are averaged.
        curves: l, `[configurations, m]`.
        spread: Delta(x) = std l / mean l over configurations, `[m]`.
        seed_noise: the like over seeds of a configuration, of L(x c*) - L_0, root mean square, `[m]`; None without.
        distance: by configuration, the root mean square over x of ln(l / median of the others).
        off: configurations whose distance is beyond `FALLS_OFF` times the median of the others' distances.
    """

    irreducible: float
    chosen: bool
    x: Floats
    names: tuple[str, ...]
    curves: Floats
    spread: Floats
    seed_noise: Floats | None
    distance: tuple[float, ...]
    off: tuple[str, ...]

    @property
    def supercollapse(self) -> bool | None:
        """Whether curves are nearer to one another than seeds are, in the median over x; None without seeds."""
        return None if self.seed_noise is None else bool(np.median(self.spread) < np.median(self.seed_noise))

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        said = f"{len(self.names)} curves agree to {100 * np.median(self.spread):.2g} % (median over x)"
        if self.seed_noise is not None:
            said += f"; seeds of one configuration to {100 * np.median(self.seed_noise):.2g} %"
        if self.off:
            said += f". Off the common curve: {', '.join(self.off)}; look at the tuning of its rate, batch and schedule"
        return said + "."


def supercollapse(runs: RunTable, irreducible: float | None = None, *, x: Sequence[float] | None = None) -> Collapse:
    """The collapse of the curves in a table with several points a run (`read_runs(..., curve="all")`).

    The runs are those of one compute-optimal ladder, of one schedule over each one's own length. A run's last point is
    its c*, x its share of tokens; between points L is interpolated. Runs of one `group` are seeds of a configuration.

    Args:
        irreducible: L_0 in nats/token. By default the one, below the least loss, with the least mean spread: that
            favours a collapse, and a spread is then a lower bound.
        x: shares of training at which curves are compared; by default those of `GRID` that all runs have logged.

    Raises:
        DataError: below three configurations, and where no share of training is covered by all runs.

    Source: Qiu et al. 2025, arXiv 2507.02119; the distance of a run from the others is our own rule.
    """
    ids = dict.fromkeys(runs.run_id)
    found = {name: runs.take(np.flatnonzero(np.array(runs.run_id) == name)) for name in ids}
    short = [name for name, rows in found.items() if len(rows) < 2]
    if short:
        raise DataError("E_NO_CURVE", f"the run {short[0]} has one point and no curve", value=len(found[short[0]]),
                        remedy='read all points: --curve all, or read_runs(..., curve="all")')  # fmt: skip
    group = {name: rows.group[0] for name, rows in found.items()}
    names = tuple(dict.fromkeys(group.values()))
    if len(names) < 3:
        raise DataError("E_TOO_FEW_RUNS", "a collapse needs the curves of three sizes or more", value=len(names))
    first = max(rows.n_tokens.min() / rows.n_tokens.max() for rows in found.values())
    at = np.asarray(GRID[first <= GRID] if x is None else x, dtype=float)
    if not len(at) or at.min() < first or at.max() > 1.0:
        raise DataError("E_X", f"all runs have logged the shares of training from {first:.3g} to 1", column="x",
                        value=None if x is None else list(x))  # fmt: skip
    losses = np.array([_at(rows, np.append(at, 1.0)) for rows in found.values()])
    member = np.array([names.index(group[name]) for name in found])
    least = float(losses.min())
    if irreducible is not None and not 0 <= irreducible < least:
        raise UsageError(f"The irreducible loss lies between 0 and the least loss {least:.4g}; found {irreducible}.")
    L_0 = _least_spread(losses, member, least) if irreducible is None else irreducible
    curves = _normalised(losses, member, L_0)
    distance = tuple(_distance(curves, i) for i in range(len(names)))
    off = tuple(name for i, name in enumerate(names) if _is_off(distance, i))
    return Collapse(
        L_0, irreducible is None, at, names, curves, _spread(curves), _noise(losses, member, L_0), distance, off
    )


def _at(rows: RunTable, x: Floats) -> Floats:
    order = np.argsort(rows.n_tokens)
    tokens = rows.n_tokens[order]
    return np.interp(x, tokens / tokens[-1], rows.loss[order])


def _normalised(losses: Floats, member: Floats, L_0: float) -> Floats:
    means = np.array([losses[member == i].mean(axis=0) for i in np.unique(member)]) - L_0
    return np.asarray(means[:, :-1] / means[:, -1:])


def _spread(curves: Floats) -> Floats:
    return np.asarray(curves.std(axis=0, ddof=1) / curves.mean(axis=0))


def _least_spread(losses: Floats, member: Floats, least: float) -> float:
    from scipy.optimize import minimize_scalar

    def mean_spread(L_0: float) -> float:
        return float(_spread(_normalised(losses, member, L_0)).mean())

    # Over a grid first: the spread may have several valleys.
    grid = least * np.linspace(0.0, 0.999, 100)
    best = int(np.argmin([mean_spread(value) for value in grid]))
    if best == 0:
        return 0.0
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return float(minimize_scalar(mean_spread, bounds=ends, method="bounded", options={"xatol": 1e-9 * least}).x)


def _noise(losses: Floats, member: Floats, L_0: float) -> Floats | None:
    above = losses[:, :-1] - L_0
    seeds = [above[member == i] for i in np.unique(member) if (member == i).sum() > 1]
    if not seeds:
        return None
    return np.asarray(np.sqrt(np.mean([(one.std(axis=0, ddof=1) / one.mean(axis=0)) ** 2 for one in seeds], axis=0)))


def _distance(curves: Floats, i: int) -> float:
    others = np.median(np.delete(curves, i, axis=0), axis=0)
    return float(np.sqrt(np.mean(np.log(curves[i] / others) ** 2)))


def _is_off(distance: Sequence[float], i: int) -> bool:
    others = float(np.median([value for j, value in enumerate(distance) if j != i]))
    return distance[i] > FALLS_OFF * max(others, LEAST)
