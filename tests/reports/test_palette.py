"""Colours are told apart by eyes that see fewer of them, on light and on dark paper, and in grey by their markers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from reports.palette import DARK, DASHES, LIGHT, MARKERS, RAMP, ramp

MACHADO = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "none": np.eye(3).tolist(),
}
"""What linear RGB becomes at severity 1. Machado, Oliveira & Fernandes 2009, IEEE TVCG 15(6), table 1."""
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST = 8.0
"""Least distance in CIELAB of colours that a figure sets side by side; about 2.3 is just noticeable."""
PAPERS = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def linear(colour: str) -> np.ndarray:
    """Linear RGB of `#rrggbb`."""
    v = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, white point D65."""
    t = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a: str, b: str, sight: str) -> float:
    matrix = np.array(MACHADO[sight])
    return float(np.linalg.norm(lab(matrix @ linear(a)) - lab(matrix @ linear(b))))


def contrast(a: str, b: str) -> float:
    """The ratio of luminances, as WCAG 2 defines it."""
    high, low = sorted((XYZ[1] @ linear(a), XYZ[1] @ linear(b)), reverse=True)
    return float((high + 0.05) / (low + 0.05))


def test_the_simulation_confuses_what_it_should() -> None:
    """A red and a green that deuteranopes confuse come out close, though far apart in plain sight."""
    assert distance("#c06040", "#7f7f30", "none") > 40
    assert distance("#c06040", "#7f7f30", "deuteranopia") < LEAST


@PAPERS
@pytest.mark.parametrize("sight", MACHADO)
@pytest.mark.parametrize("count", range(2, RAMP + 1))
def test_neighbours_of_every_ramp_are_told_apart(palette: dict[str, str], sight: str, count: int) -> None:
    for one, next_one in pairwise(ramp(count)):
        assert distance(palette[one], palette[next_one], sight) >= LEAST


@PAPERS
@pytest.mark.parametrize("sight", MACHADO)
def test_an_estimate_and_a_plan_are_told_apart(palette: dict[str, str], sight: str) -> None:
    names = ("accent", "plan", "ink", "muted")
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert distance(palette[one], palette[other], sight) >= 2 * LEAST


@pytest.mark.parametrize("count", range(2, RAMP + 1))
def test_neighbours_of_every_ramp_differ_in_marker_and_line(count: int) -> None:
    for one, other in pairwise(ramp(count)):
        assert MARKERS.get(one, "circle") != MARKERS.get(other, "circle")
        assert DASHES.get(one, "solid") != DASHES.get(other, "solid")


@PAPERS
def test_words_are_read_and_marks_are_seen(palette: dict[str, str]) -> None:
    assert contrast(palette["ink"], palette["paper"]) >= 7
    assert contrast(palette["muted"], palette["paper"]) >= 4.5
    assert min(contrast(palette[name], palette["paper"]) for name in ("accent", "plan", "shade")) >= 3
    assert min(contrast(palette[f"size{i}"], palette["paper"]) for i in range(RAMP)) >= 1.5
