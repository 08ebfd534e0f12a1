"""What a law leaves unexplained: residuals against the prediction, the size and the tokens, and their distribution."""

from __future__ import annotations

import numpy as np
from scipy import stats

from reports.axes import limits
from reports.base import Axis, Figure, Line, Mark, Points
from reports.loss_figures import Numbers, floats, input_axis, run_hover
from reports.size_groups import SizeGroup, size_groups
from reports.thinning import MAX_POINTS, thinned
from reports.wording import with_unit
from scalelaw.fitting import Fit

AGAINST = {"n_params": "size", "n_tokens": "tokens"}
READS = "a trend or a fan is something the law does not describe."


def residual_figures(fit: Fit) -> tuple[Figure, ...]:
    """ln(observed / predicted), in percent, against the predicted loss, N, D and the normal distribution."""
    predicted = fit.law.observed(fit.runs) * np.exp(-fit.residuals)
    loss = Axis("predicted loss", *limits(predicted), unit="nats/token")
    figures = [_against("residuals", "Residuals", predicted, loss, fit, READS)]
    for name, what in AGAINST.items():
        x = fit.runs.column(name)
        if name in fit.law.inputs and len(np.unique(x)) > 1:
            axis = input_axis(name, floats(x))
            figures.append(_against(f"residuals_{name}", f"Residuals against {what}", x, axis, fit, READS))
    return (*figures, _quantiles(fit))


def _against(name: str, title: str, x: Numbers, axis: Axis, fit: Fit, reads: str) -> Figure:
    residuals, groups = 100.0 * fit.residuals, size_groups(fit.runs, residuals=fit.residuals)
    points = [_points(fit, group, x, residuals) for group in groups]
    return Figure(
        name,
        title,
        f"ln(observed/predicted) of every run; {reads}{thinned(fit.runs)}",
        axis,
        Axis("residual", *limits(residuals), unit="%"),
        (Mark(0.0, "", "muted", "y"), *points),
        legend="parameters N" if len(groups) > 1 else "",
    )


def _points(fit: Fit, group: SizeGroup, x: Numbers, residuals: Numbers) -> Points:
    y = residuals[group.rows]
    texts = run_hover(fit.runs, group.rows)
    hover = tuple(f"{text}\nresidual {with_unit(v, '%', 2)}" for text, v in zip(texts, y, strict=True))
    return Points(floats(x[group.rows]), floats(y), group.label, group.colour, hover)


def _quantiles(fit: Fit) -> Figure:
    """Sorted residuals against normal quantiles, with the line that their median and robust deviation draw."""
    residuals = 100.0 * fit.residuals
    order = np.argsort(residuals, kind="stable")
    n = len(order)
    ranks = np.arange(n) if n <= MAX_POINTS else np.unique(np.linspace(0, n - 1, MAX_POINTS).astype(np.intp))
    z = stats.norm.ppf((ranks + 0.5) / n)
    y = residuals[order[ranks]]
    middle = float(np.median(residuals))
    spread = float(1.4826 * np.median(np.abs(residuals - middle)))
    ends = np.array(limits(z))
    return Figure(
        "residuals_normal",
        "Are the residuals normal?",
        f"Sorted residuals against normal quantiles; the line is a normal distribution of their median and robust "
        f"standard deviation, {with_unit(spread, '%', 2)}. Ends that leave it are outliers or heavy tails.",
        Axis("normal quantile", *limits(z), unit="standard deviations"),
        Axis("residual", *limits((*y, *(middle + spread * ends))), unit="%"),
        (
            Line(floats(ends), floats(middle + spread * ends), "normal", "muted"),
            Points(floats(z), floats(y), "runs", "accent", run_hover(fit.runs, order[ranks])),
        ),
    )
