"""How large runs are, how far one lies beyond others, and how to make a fit heed the largest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import DataError
from scalelaw.runs import Floats, RunTable


def sizes(runs: RunTable) -> Floats:
    """How large each run is, `[n]`: its compute 6 N D, or else its logged FLOPs, tokens or parameters.

    Raises:
        DataError: where every row lacks each of them.
    """
    counts = {
        "6ND": 6.0 * runs.n_params * runs.n_tokens,
        "flops": runs.flops,
        "n_tokens": runs.n_tokens,
        "n_params": runs.n_params,
        "n_params_non_embedding": runs.n_params_non_embedding,
    }
    for size in counts.values():
        if np.isfinite(size).all():
            return size
    raise DataError(
        "E_MISSING_COLUMN",
        "runs are held out by size, and no column of sizes is complete",
        column=", ".join(list(counts)[1:]),
        remedy="name the column of compute, tokens or parameters",
    )


def decades_beyond(fitted: RunTable, runs: RunTable) -> Floats:
    """How far each of `runs` lies beyond the largest of the `fitted`, in powers of ten of its size, `[n]`."""
    return np.asarray(np.log10(sizes(runs) / sizes(fitted).max()))


def emphasise(runs: RunTable, factor: float) -> RunTable:
    """The same runs, reweighted so that the largest counts `factor` times as much as the smallest.

    Weights grow as a power of size between the two. A fit then heeds the runs nearest to what it will be asked about,
    where a law that does not hold all the way down matters most.
    """
    if factor == 1.0:
        return runs
    size = np.log(sizes(runs))
    return replace(runs, weight=runs.weight * factor ** ((size - size.max()) / max(float(np.ptp(size)), 1e-12)))


def asked(inputs: Mapping[str, ArrayLike]) -> RunTable:
    """Runs yet to be trained, as a table: inputs by column name, broadcast together; C = 6 N D filled in, loss NaN."""
    values = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value)) for value in inputs.values()))
    columns = dict(zip(inputs, values, strict=True))
    return RunTable.of(
        loss=np.full(len(values[0]), np.nan),
        n_params=columns.pop("n_params", None),
        n_tokens=columns.pop("n_tokens", None),
        flops=columns.pop("flops", None),
        n_params_non_embedding=columns.pop("n_params_non_embedding", None),
        extras=columns,
    )
