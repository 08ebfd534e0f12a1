"""Figure of the coordinate check: sizes at the start and their change, each relative to that of the smallest model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.axes import limits
from reports.base import Axis, Figure, Floats, Line, Points
from reports.palette import RAMP, ramp

if TYPE_CHECKING:
    from runners.probes.coordinate_check import CoordinateCheck

LEAST_SPAN = (0.5, 2.0)
"""What the y axis always shows, so that scatter around a flat line looks as small as it is."""
GAINS = "gains and biases"
Sizes = Mapping[str, NDArray[np.float64]]


def coordinate_figures(check: CoordinateCheck, *, apart: bool = False) -> tuple[Figure, Figure]:
    """A panel of the sizes at initialisation and one of their change: the mean over seeds against width or depth.

    Beside each other they share the second one's legend; `apart`, each has its own.
    """
    panels = {"at the start": check.start, f"change after {check.steps} steps": check.change}
    sizes = [dict(_relative(check.quantities, sizes_QVR.mean(2))) for sizes_QVR in panels.values()]
    x = Axis(check.axis, *limits(check.values, True), log=True, at=tuple(map(float, check.values)))
    y = limits([*LEAST_SPAN, *(v for panel in sizes for line in panel.values() for v in line)], True)
    start, change = (
        Figure(
            f"coordinate_{name}",
            f"{check.spec.parametrization}: {title}",
            check.sentence,
            x,
            Axis(f"size / size at {check.axis} {check.values[0]}", *y, log=True),
            tuple(_lines(check.values, panel, _colours(check.quantities), named=apart or name == "change")),
        )
        for name, title, panel in zip(("start", "change"), panels, sizes, strict=True)
    )
    return start, change


def _relative(names: Sequence[str], mean_QV: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """What has a size at every value."""
    for name, line in zip(names, mean_QV, strict=True):
        if np.isfinite(line).all() and (line > 0).all():
            yield name, line / line[0]


def _colours(names: Sequence[str]) -> dict[str, str]:
    """The ramp for what the model computes, in its order; the read-out apart; one grey for gains and biases."""
    computed = [name for name in names if not _is_gain(name)]
    colours = [*ramp(min(len(computed) - 1, RAMP)), *["accent"] * (len(computed) - 1 - RAMP), "plan"]
    return dict.fromkeys(names, "shade") | dict(zip(computed, colours, strict=True))


def _is_gain(name: str) -> bool:
    return name.endswith((".weight", ".bias"))


def _lines(values: Sequence[int], sizes: Sizes, colours: Mapping[str, str], named: bool) -> Iterator[Line | Points]:
    x: Floats = tuple(map(float, values))
    labelled: set[str] = set()
    for name in sorted(sizes, key=lambda name: not _is_gain(name)):  # grey below
        label = GAINS if _is_gain(name) else name
        y = tuple(map(float, sizes[name]))
        hover = tuple(f"{name}\n{value}: {size:.3g}" for value, size in zip(values, y, strict=True))
        yield Line(x, y, label if named and label not in labelled else "", colours[name], hover)
        yield Points(x, y, "", colours[name])
        labelled.add(label)
    for name in colours:  # the legend stands beside the last panel, whose lines may lack one of the first's
        if named and name not in sizes and not _is_gain(name):
            yield Line((), (), name, colours[name])
