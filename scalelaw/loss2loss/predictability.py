"""Which losses can be told from another: each is predicted beyond a cut from the runs below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.laws import Law
from scalelaw.loss2loss.pairing import pair_runs
from scalelaw.loss2loss.relating import relate
from scalelaw.runs import RunTable

HELD_OUT = 0.25
"""The share of runs, those of most compute, that are predicted."""
STARTS = 16
"""Starts of each of the many fits."""


@dataclass(frozen=True)
class Predictability:
    """How well one loss was told from another beyond the cut.

    Attributes:
        column: the loss predicted.
        error: mean of |predicted / observed - 1| from the relation; NaN where there is none.
        direct: the same from the law of N and D fitted to this loss below the cut.
        naive: the same of saying that it stays as the run of most compute below the cut had it.
        held_out: runs predicted.
        reason: why there is no error, else empty.
    """

    column: str
    error: float
    direct: float
    naive: float
    held_out: int
    reason: str = ""

    @property
    def verdict(self) -> str:
        """In words: a loss is predictable where the relation beats saying that it stays."""
        if self.reason:
            return f"not predictable: {self.reason}"
        return "predictable" if self.error < self.naive else "not predictable: no better than saying that it stays"


def predictable(
    runs: RunTable, columns: Sequence[str], *, share: float = HELD_OUT, law: str | Law = "chinchilla", seed: int = 0
) -> tuple[Predictability, ...]:
    """Predict each column from the table's loss for the runs of most compute; the best predicted comes first.

    Args:
        columns: losses in nats per token, in the table's extras.
        share: of the runs, those predicted.

    Raises:
        UsageError: for a share that leaves nothing on a side, or an unknown column.
    """
    flops = runs.require("flops")
    held_out = max(1, round(share * len(runs)))
    if not 0 < share < 1 or len(runs) - held_out < 3:
        raise UsageError(f"A share {share:g} of {len(runs)} runs leaves too few to fit; three pairs are needed.")
    order = np.argsort(flops, kind="stable")
    below, above = runs.take(order[:-held_out]), runs.take(order[-held_out:])
    found = [_one(below, above, column, law, seed) for column in columns]
    return tuple(sorted(found, key=lambda one: (bool(one.reason), one.error)))


def _one(below: RunTable, above: RunTable, column: str, law: str | Law, seed: int) -> Predictability:
    naive = float("nan")
    try:
        small, large = (replace(table, loss=_losses(table, column)) for table in (below, above))
        naive = float(np.abs(small.loss[-1] / large.loss - 1).mean())
        relation = relate(pair_runs(below, small, "run"), law=law, starts=STARTS, seed=seed)
    except DataError as problem:
        return Predictability(column, float("nan"), float("nan"), naive, len(above), str(problem))
    error = np.abs(relation.predict(above.loss) / large.loss - 1).mean()
    direct = relation.fits[1].predict(n_params=large.n_params, n_tokens=large.n_tokens)
    reason = "" if np.isfinite(error) else "a held-out loss is below the irreducible loss of the small runs"
    return Predictability(
        column, float(error), float(np.abs(direct / large.loss - 1).mean()), naive, len(above), reason
    )


def _losses(runs: RunTable, column: str) -> np.ndarray:
    try:
        losses = np.array(runs.column(column), dtype=float)
    except ValueError as problem:
        raise DataError("E_NOT_A_NUMBER", f"a loss must be a number ({problem})", column=column) from None
    bad = np.flatnonzero(~(losses > 0))
    if len(bad):
        row = runs.run(int(bad[0]))
        raise DataError(
            "E_NOT_POSITIVE",
            "a loss must be a positive number",
            file=row.file or None,
            line=row.line or None,
            column=column,
            value=losses[bad[0]],
            remedy="leave the column out",
        )
    return losses
