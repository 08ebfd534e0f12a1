"""The figure shows every run to make once for each number of repeats, the grid and the runs already made."""

from __future__ import annotations

import pytest

import scalelaw as sl
from reports.base import Line, Points
from reports.design_figure import design_figure
from scalelaw.designing import design, next_runs
from tests.designing.conftest import pilots


@pytest.fixture(scope="module")
def fit() -> sl.Fit:
    return sl.fit("chinchilla", pilots(), starts=8)


def test_a_design_is_drawn_against_its_grid_by_repeats(fit: sl.Fit) -> None:
    made = design(fit, 2e20, largest=3e19, draws=4)
    figure = design_figure(made)
    points = {layer.label: layer for layer in figure.layers if isinstance(layer, Points)}
    drawn = [layer for label, layer in points.items() if label.startswith("to make")]
    assert sum(len(layer.x) for layer in drawn) == len(made.layout.n_params)
    assert len(points["IsoFLOP grid"].x) == 15
    assert len(points["already made"].x) == 15
    for layer in points.values():
        assert all(figure.x.low <= x <= figure.x.high for x in layer.x)
        assert all(figure.y.low <= y <= figure.y.high for y in layer.y)


def test_lines_join_runs_of_equal_compute(fit: sl.Fit) -> None:
    lines = [layer for layer in design_figure(design(fit, 2e20, draws=4)).layers if isinstance(layer, Line)]
    assert lines
    for line in lines:
        first, last = (6 * x * y for x, y in zip(line.x, line.y, strict=True))
        assert first == pytest.approx(last)


def test_the_next_runs_have_no_grid_beside_them(fit: sl.Fit) -> None:
    labels = [layer.label for layer in design_figure(next_runs(fit, 2, draws=4)).layers]
    assert "IsoFLOP grid" not in labels
    assert any(label.startswith("to make") for label in labels)
