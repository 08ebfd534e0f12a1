"""Figures of the probes say what their marks mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.base import Band, Figure, Line, Points
from reports.probe_figures import lr_sensitivity_figures, lr_transfer_figures, noise_scale_figures
from runners.probes.lr_sensitivity import lr_sensitivity
from runners.probes.lr_transfer import lr_transfer
from runners.probes.trials import Trial

SLOPES = {"mup": 0.0, "standard": -1.0}
TRIALS = tuple(
    Trial(name, 32 * 2**doubling, 2.0**x, seed, 2.5 + 0.05 * (x + 5.3 - slope * doubling) ** 2 + 0.001 * seed * x)
    for name, slope in SLOPES.items()
    for doubling in range(3)
    for x in range(-10, -2)
    for seed in range(3)
)


def labels(figures: tuple[Figure, ...]) -> list[str]:
    """What the legend says, in its order."""
    return [
        layer.label
        for figure in figures
        for layer in figure.layers
        if isinstance(layer, Line | Points | Band) and layer.label
    ]


def test_every_width_and_the_diamonds_are_named_once_beside_the_last_panel() -> None:
    figures = lr_transfer_figures(lr_transfer(TRIALS))
    assert labels(figures[-1:]) == labels(figures) == ["32", "64", "128", "optimum"]
    assert [figure.title for figure in figures] == [
        "mup\noptimum moves +0.00 octaves",
        "standard\noptimum moves −2.00 octaves",
    ]


def test_the_band_of_a_sensitivity_names_its_level() -> None:
    assert labels(lr_sensitivity_figures(lr_sensitivity(TRIALS, 5.545, 0.9))) == ["mup", "standard", "90 % interval"]
    one_seed = [trial for trial in TRIALS if trial.seed == 0]
    assert labels(lr_sensitivity_figures(lr_sensitivity(one_seed, 5.545))) == ["mup", "standard"]


def test_a_noise_scale_is_drawn_within_its_interval() -> None:
    pytest.importorskip("torch")
    from runners.probes.noise_scale import NoiseAlong, NoisePoint, NoiseScale
    from runners.spec import TrainSpec
    from scalelaw.results import Interval, Unavailable

    spec = TrainSpec("markov", width=32, depth=1, n_tokens=100_000)
    known = Interval("noise scale", 5.0, 4.0, 6.0, 0.95, "Fieller", "sequences")
    points = [NoisePoint(spec, step, 3.0, NoiseScale(1.0, 0.2, known)) for step in (0, 4)]
    unknown = replace(points[1], steps=9, scale=replace(points[1].scale, interval=Unavailable("noise scale", "few")))
    (figure,) = noise_scale_figures(NoiseAlong((*points, unknown)))
    band = next(layer for layer in figure.layers if isinstance(layer, Band))
    assert (band.x, band.low, band.high) == ((0.5, 4.0), (4.0, 4.0), (6.0, 6.0))
    assert figure.y.low < 4.0
    assert labels((figure,)) == ["32", "95 % interval"]
