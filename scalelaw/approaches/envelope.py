"""Approach 1: the lower envelope of many training curves over compute, and who holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalelaw.approaches.base import QUANTITIES, Allocation, Budget, PowerLaw, line, none_found
from scalelaw.errors import UsageError
from scalelaw.intervals import LEVEL
from scalelaw.results import Finding, Interval, Unavailable
from scalelaw.runs import Floats, RunTable

BINS = 1500
"""Bins for training curves (Hoffmann et al. 2022, section 3.1)."""
MARGIN = math.log(1.5)
"""Bins count while the optimum stays a factor 1.5 inside the sizes trained at that compute."""
SEGMENTS = 20
"""Rows of the table that the bins are gathered into."""
ROUNDS = 30

NEAR_SMALLEST, NEAR_LARGEST = (
    f"the optimum is not {math.exp(MARGIN):g}x inside the sizes: near the {end}" for end in ("smallest", "largest")
)
TOO_FEW = "fewer than 3 sizes reach this compute"


@dataclass(frozen=True)
class Curves:
    """c training curves read off at the centres of m compute bins: ln N `[c]`; ln C, ln D and ln L `[c, m]`.

    A missing loss is infinite. A curve of one row, a finished run, enters the bin it falls in, at its own compute.
    """

    ln_n: Floats
    ln_c: Floats
    ln_d: Floats
    ln_loss: Floats


@dataclass(frozen=True)
class Frontier:
    """Who holds the envelope: per bin the ln C, ln N, ln D and ln L of the best curve, and why it does not count."""

    ln_c: Floats
    ln_n: Floats
    ln_d: Floats
    ln_loss: Floats
    verdict: NDArray[np.str_]

    @property
    def used(self) -> NDArray[np.bool_]:
        """The bins the power laws go through."""
        return np.asarray(self.verdict == "")


def envelope(
    runs: RunTable, *, bins: int | None = None, replicates: int = 200, seed: int = 0, level: float = LEVEL
) -> Allocation:
    """The allocation of least loss from training curves: at each compute, the size whose loss is lowest.

    Rows of one `group` and size are checkpoints of one curve; ln L is interpolated in ln C between them. Straight lines
    through ln N and ln D of the envelope over ln C are the power laws. Which bins count must not depend on who won
    them: choosing bins by their winners bends the line (exponents lower by 0.05 in simulations with 40 sizes and
    0.4 % noise). So the line itself says where the optimum lies, and bins count while that is well inside the sizes
    that reach the bin.

    Args:
        bins: log-spaced bins of compute; by default 1500 for curves, and one for eight finished runs.
        replicates: resamplings of whole curves, for the percentile interval.

    Raises:
        DataError: where N, D or C is missing.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, section 3.1.
    """
    if bins is not None and bins < 2:
        raise UsageError(f"An envelope needs at least 2 bins; found {bins}.")
    curves, longest = _curves(runs, bins)
    frontier = _frontier(curves, np.ones(len(curves.ln_n), dtype=bool))
    budgets = _segments(curves, frontier)
    kind = f"envelope ({len(curves.ln_n)} curves, {curves.ln_c.shape[1]} bins)"
    if frontier.used.sum() < 2 or np.ptp(frontier.ln_n[frontier.used]) == 0:
        reason = "fewer than 2 sizes hold the envelope where it is bracketed by smaller and larger ones"
        return Allocation(kind, runs, budgets, *none_found(reason), _findings(frontier, longest))
    slopes = _resampled(curves, replicates, seed)
    method = f"bootstrap over {len(curves.ln_n)} curves, percentile, {replicates} replicates, seed {seed}"
    laws = []
    for column, (name, unit), y in zip(slopes.T, QUANTITIES, (frontier.ln_n, frontier.ln_d), strict=True):
        exponent, middle = line(frontier.ln_c[frontier.used], y[frontier.used])
        interval = _percentile(f"exponent of {name}", exponent, column, level, method)
        C_0 = math.exp(frontier.ln_c[frontier.used].mean())
        laws.append(PowerLaw(name, unit, exponent, C_0, math.exp(middle), interval))
    return Allocation(kind, runs, budgets, laws[0], laws[1], _findings(frontier, longest))


def _curves(runs: RunTable, bins: int | None) -> tuple[Curves, int]:
    """The curves at the bins, and how many rows the longest has."""
    x = np.log(runs.require("flops"))
    log_N, log_D = np.log(runs.require("n_params")), np.log(runs.require("n_tokens"))
    members: dict[tuple[str, float], list[int]] = {}
    for i, key in enumerate(zip(runs.group, runs.n_params.tolist(), strict=True)):
        members.setdefault(key, []).append(i)
    longest = max(len(np.unique(x[rows])) for rows in members.values())
    count = bins or (BINS if longest > 1 else max(4, len(runs) // 8))
    edges = np.linspace(x.min(), x.max(), count + 1)
    centres = 0.5 * (edges[1:] + edges[:-1])
    log_C = np.tile(centres, (len(members), 1))
    loss, tokens = np.full(log_C.shape, np.inf), np.zeros(log_C.shape)
    for c, rows in enumerate(members.values()):
        at, index = np.unique(x[rows], return_inverse=True)
        mean_loss, mean_D = (np.bincount(index, v[rows]) / np.bincount(index) for v in (np.log(runs.loss), log_D))
        if len(at) == 1:
            bin_ = min(int(np.searchsorted(edges, at[0], side="right")) - 1, count - 1)
            log_C[c, bin_], loss[c, bin_], tokens[c, bin_] = at[0], mean_loss[0], mean_D[0]
        else:
            loss[c] = np.interp(centres, at, mean_loss, left=np.inf, right=np.inf)
            tokens[c] = np.interp(centres, at, mean_D)
    return Curves(log_N[[rows[0] for rows in members.values()]], log_C, tokens, loss), longest


def _frontier(curves: Curves, keep: NDArray[np.bool_]) -> Frontier:
    """The envelope of the curves that are kept."""
    loss = np.where(keep[:, None], curves.ln_loss, np.inf)
    present = np.isfinite(loss)
    best, bins = loss.argmin(axis=0), np.arange(loss.shape[1])
    log_C, log_D, log_N = curves.ln_c[best, bins], curves.ln_d[best, bins], curves.ln_n[best]
    smallest = np.where(present, curves.ln_n[:, None], np.inf).min(axis=0)
    largest = np.where(present, curves.ln_n[:, None], -np.inf).max(axis=0)
    crowded = present.sum(axis=0) >= 3
    inside = crowded & (log_N > smallest) & (log_N < largest)
    optimum = log_N
    for _ in range(ROUNDS):
        if inside.sum() < 2 or np.ptp(log_C[inside]) == 0:
            break
        slope, middle = line(log_C[inside], log_N[inside])
        optimum = middle + slope * (log_C - log_C[inside].mean())
        before, inside = inside, crowded & (optimum > smallest + MARGIN) & (optimum < largest - MARGIN)
        if (inside == before).all():
            break
    nearer_small = optimum - smallest < largest - optimum
    verdict = np.where(inside, "", np.where(crowded, np.where(nearer_small, NEAR_SMALLEST, NEAR_LARGEST), TOO_FEW))
    return Frontier(log_C, log_N, log_D, loss[best, bins], verdict)


def _resampled(curves: Curves, replicates: int, seed: int) -> Floats:
    """Exponents of N and D in replicates, `[replicates, 2]`; NaN where a replicate has no line."""
    rng, c = np.random.default_rng(seed), len(curves.ln_n)
    slopes = np.full((replicates, 2), np.nan)
    for i in range(replicates):
        frontier = _frontier(curves, np.bincount(rng.integers(c, size=c), minlength=c) > 0)
        used = frontier.used
        if used.sum() >= 2 and np.ptp(frontier.ln_c[used]) > 0:
            slopes[i] = [line(frontier.ln_c[used], y[used])[0] for y in (frontier.ln_n, frontier.ln_d)]
    return slopes


def _percentile(target: str, estimate: float, values: Floats, level: float, method: str) -> Interval | Unavailable:
    usable = values[np.isfinite(values)]
    tail = 0.5 - level / 2
    if 1 - len(usable) / len(values) > tail:
        return Unavailable(target, f"{len(values) - len(usable)} of {len(values)} replicates have no envelope to fit")
    low, high = np.quantile(usable, [tail, 1 - tail])
    return Interval(target, estimate, float(low), float(high), level, method)


def _segments(curves: Curves, frontier: Frontier) -> tuple[Budget, ...]:
    """The bins that any curve reaches, gathered into at most `SEGMENTS` stretches of compute."""
    reached = np.flatnonzero(np.isfinite(frontier.ln_loss))
    return tuple(_segment(curves, frontier, bins) for bins in np.array_split(reached, min(SEGMENTS, len(reached))))


def _segment(curves: Curves, frontier: Frontier, bins: NDArray[np.intp]) -> Budget:
    """Geometric means over the bins that count, or over all and why they do not where none does."""
    used = bins[frontier.used[bins]]
    verdicts, counts = np.unique(frontier.verdict[bins], return_counts=True)
    shown = used if len(used) else bins
    sizes = np.exp(curves.ln_n[np.isfinite(curves.ln_loss[:, shown]).any(axis=1)])
    flops, n_params, n_tokens, loss = (
        math.exp(v[shown].mean()) for v in (frontier.ln_c, frontier.ln_n, frontier.ln_d, frontier.ln_loss)
    )
    return Budget(
        flops=flops,
        points=len(shown),
        n_params_low=float(sizes.min()),
        n_params_high=float(sizes.max()),
        n_params=n_params,
        n_tokens=n_tokens,
        loss=loss,
        verdict="" if len(used) else str(verdicts[counts.argmax()]),
    )


def _findings(frontier: Frontier, longest: int) -> tuple[Finding, ...]:
    findings = []
    rejected = np.isfinite(frontier.ln_loss) & ~frontier.used
    for verdict in dict.fromkeys(frontier.verdict[rejected].tolist()):
        flops = np.exp(frontier.ln_c[rejected & (frontier.verdict == verdict)])
        message = f"left out, {flops.min():.3g} to {flops.max():.3g} FLOP: {verdict}"
        findings.append(Finding("W_BUDGET_REJECTED", "warning", message))
    holders = len(np.unique(frontier.ln_n[frontier.used]))
    if 0 < holders < 5:
        findings.append(Finding("W_FEW_SIZES", "warning", f"{holders} sizes hold the envelope where it counts"))
    if longest > 1:
        message = (
            "rows are checkpoints: before its learning rate has decayed a run's loss lies above that of a run made for "
            "that compute, which moves the envelope"
        )
        findings.append(Finding("I_CHECKPOINTS", "info", message))
    else:
        message = "every curve is one finished run: the envelope picks the luckiest; approach 2 uses all of them"
        findings.append(Finding("I_FINISHED_RUNS", "info", message))
    return tuple(findings)
