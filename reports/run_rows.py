"""Every run behind a fit with what the law says of it, for the CSV beside a report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reports.base import Rows
from scalelaw.fitting import Fit
from scalelaw.runs import QUANTITIES


def run_rows(fit: Fit) -> tuple[Rows]:
    """The fitted runs in the table's order: names, the quantities that were logged, what else the law reads, the
    prediction and ln(observed / predicted).

    Columns of the run table that the law does not read stay out: a logged configuration may hold secrets. So does
    compute that is 6 N D of the same row.
    """
    runs = fit.runs
    columns: dict[str, Sequence[object]] = {"run_id": runs.run_id}
    if runs.group != runs.run_id:
        columns["group"] = runs.group
    names = dict.fromkeys((*(name for name in QUANTITIES if name != "weight"), *fit.law.inputs))
    for name in names:
        values = runs.column(name)
        if values.dtype.kind != "f" or not np.isnan(values).all():
            columns[name] = values.tolist()
    if "flops" not in fit.law.inputs and (runs.flops == 6.0 * runs.n_params * runs.n_tokens).all():
        columns.pop("flops", None)
    if (runs.weight != 1.0).any():
        columns["weight"] = runs.weight.tolist()
    predicted = fit.law.observed(runs) * np.exp(-fit.residuals)
    columns["predicted"] = _short(predicted)
    columns["residual_ln"] = _short(fit.residuals)
    return (Rows("runs", columns),)


def _short(values: np.ndarray) -> list[float]:
    """Seven digits: more than an estimate has."""
    return [float(f"{value:.7g}") for value in values]
