"""The pairs bootstrap over runs, or over groups where several rows share a run or a configuration."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals._linear import is_grouped
from scalelaw.intervals._refit import reweighted
from scalelaw.intervals.base import Method
from scalelaw.intervals.draws import Draws
from scalelaw.laws.base import Floats

SMALL = 20
"""With fewer groups than this a replicate may have a better optimum elsewhere: search globally. Over ten groups, ends
found from the estimate alone lay up to a fifth too close; over twenty runs they were the same."""
SEARCHES = 8
"""Starts a replicate gets then, the estimate itself among them."""
BLOCK = 256
"""Replicates handed to a worker at a time."""


def bootstrap(fit: Fit, replicates: int = 1000, *, seed: int = 0, workers: int = 1) -> Draws:
    """Refit the law to resampled runs.

    Groups of the table are drawn with replacement, as many as there are; a group's rows come and go together. Each
    replicate starts from the estimate (and from `SEARCHES` places below 20 groups) and is solved to the optimum.

    Source: Efron & Tibshirani 1993; over runs as in Besiroglu et al. 2024, arXiv 2404.10102, section 3.
    """
    if replicates < 1:
        raise UsageError(f"At least one replicate is needed; found {replicates}.")
    starts = range(0, replicates, BLOCK)
    blocks = [(fit, start, min(BLOCK, replicates - start), seed, replicates) for start in starts]
    if workers == 1:
        parts = [_solve_block(*block) for block in blocks]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(_solve_block, *zip(*blocks, strict=True)))
    unit = "groups" if is_grouped(fit) else "runs"
    method = f"pairs bootstrap over {len(fit.runs.groups)} {unit}, percentile, {replicates} replicates, seed {seed}"
    return Draws(fit, np.concatenate(parts), method, seed)


def _solve_block(fit: Fit, start: int, count: int, seed: int, replicates: int) -> Floats:
    """Natural parameters of replicates `start` to `start + count` of `replicates`, `[count, p]`."""
    weights = _resample(fit, np.random.default_rng([seed, 0, start]), count)
    searches = SEARCHES if len(fit.runs.groups) < SMALL else 1
    rng = np.random.default_rng([seed, 2, start])
    return reweighted(fit, weights, searches=searches, rng=rng, replicates=replicates)


def _resample(fit: Fit, rng: np.random.Generator, count: int) -> Floats:
    """Weights of each run in each replicate, `[count, n]`: how often its group was drawn times its own weight."""
    groups = fit.runs.groups
    index = {group: i for i, group in enumerate(groups)}
    members = np.array([index[group] for group in fit.runs.group])
    picked = rng.integers(len(groups), size=(count, len(groups))) + len(groups) * np.arange(count)[:, None]
    drawn = np.bincount(picked.ravel(), minlength=count * len(groups)).reshape(count, len(groups))
    return np.asarray(drawn[:, members] * fit.runs.weight)


@dataclass(frozen=True)
class Bootstrap(Method):
    """`bootstrap` as a kind."""

    name = "bootstrap"
    description = "pairs (over groups: cluster) bootstrap, percentile: the published way"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Draws:
        """See `bootstrap`."""
        return bootstrap(fit, replicates, seed=seed, workers=workers)


KIND = Bootstrap()
