"""The figure of a coordinate check: two panels, every quantity relative to the smallest model."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from reports.base import Line
from reports.coordinate_figure import GAINS, coordinate_figures
from reports.palette import LIGHT
from runners.probes.coordinate_check import SMALL, CoordinateCheck

NAMES = ("tokens", "norm.weight", "blocks.up", "blocks.bias", "residual stream", "read-out")


def check(start: np.ndarray, change: np.ndarray) -> CoordinateCheck:
    return CoordinateCheck(SMALL, "width", (64, 128), 3, (0, 1), NAMES, start, change)


def sizes(exponent: float) -> np.ndarray:
    return np.array([64.0, 128.0])[None, :, None] ** exponent * np.ones((len(NAMES), 2, 2))


def test_lines_are_relative_to_the_smallest_model_and_named_once() -> None:
    start, change = coordinate_figures(check(sizes(0.0), sizes(1.0)))
    lines = [layer for layer in change.layers if isinstance(layer, Line)]
    assert all(line.y == (1.0, 2.0) for line in lines)
    assert all(layer.y == (1.0, 1.0) for layer in start.layers if isinstance(layer, Line))
    assert sorted(line.label for line in lines if line.label) == sorted(
        [GAINS, "tokens", "blocks.up", "residual stream", "read-out"]
    )
    assert not any(layer.label for layer in start.layers if isinstance(layer, Line))
    assert {line.colour for line in lines} <= LIGHT.keys()


def test_what_is_zero_or_overflows_is_left_out_and_scatter_looks_small() -> None:
    start = sizes(0.0)
    start[-1] = 0.0
    start[0, 1, 0] = np.inf
    first, second = coordinate_figures(check(start, sizes(0.0)))
    assert sum(isinstance(layer, Line) for layer in first.layers) == len(NAMES) - 2
    assert sum(isinstance(layer, Line) for layer in second.layers) == len(NAMES)
    assert first.y.low < 0.5
    assert first.y.high > 2.0
