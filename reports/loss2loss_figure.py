"""Figure of a loss-to-loss law: one loss against the other, with the curve between them."""

from __future__ import annotations

import numpy as np

from reports.axes import limits
from reports.base import Axis, Figure, Line, Points
from reports.loss_figures import GRID, floats
from reports.palette import ramp
from reports.wording import number, quantity
from scalelaw.loss2loss import Relation

SIZES = 6
"""Model sizes told apart by colour; where there are more, all are one."""


def loss2loss_figure(relation: Relation, x: str = "L_x", y: str = "L_y") -> Figure:
    """Each pair, coloured by model size where they were paired by it, and the fitted curve."""
    pairs = relation.pairs
    grid = np.linspace(pairs.loss_x.min(), pairs.loss_x.max(), GRID)
    curve = relation.predict(grid)
    values = {name: number(relation.value(name), 3) for name in ("kappa", "K", "E_x", "E_y")}
    return Figure(
        "loss2loss",
        "One loss from another",
        f"L_y = K (L_x - E_x)^kappa + E_y with kappa {values['kappa']}, K {values['K']}, E_x {values['E_x']} and E_y "
        f"{values['E_y']} nats/token; {len(pairs)} pairs by {pairs.by}, R2 {relation.r_squared:.4f}.",
        Axis(x, *limits(pairs.loss_x), unit="nats/token"),
        Axis(y, *limits([*pairs.loss_y, *curve]), unit="nats/token"),
        (Line(floats(grid), floats(curve), "law", "ink"), *_points(relation)),
        legend="parameters N" if len(_sizes(relation)) > 1 else "",
    )


def _sizes(relation: Relation) -> list[float]:
    """The model sizes of the pairs where they are few enough to be coloured, else nothing."""
    pairs = relation.pairs
    if pairs.by not in ("size", "run") or not np.isfinite(pairs.x.n_params).all():
        return []
    sizes = sorted({float(f"{n:.3g}") for n in pairs.share("n_params")})
    return sizes if len(sizes) <= SIZES else []


def _points(relation: Relation) -> list[Points]:
    pairs, sizes = relation.pairs, _sizes(relation)
    if not sizes:
        return [Points(floats(pairs.loss_x), floats(pairs.loss_y), "pairs", "accent")]
    n_params = np.array([float(f"{n:.3g}") for n in pairs.share("n_params")])
    return [
        Points(
            floats(pairs.loss_x[n_params == n]),
            floats(pairs.loss_y[n_params == n]),
            quantity(n, "parameters", 3),
            colour,
        )
        for n, colour in zip(sizes, ramp(len(sizes)), strict=True)
    ]
