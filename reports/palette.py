"""Colours by name, for light and for dark paper, told apart under the common colour-vision deficiencies.

`accent` and `plan` are Okabe and Ito's blue and vermillion (2008), lightened on dark paper. `size0` to `size7` are
matplotlib's viridis without the end that vanishes into the paper; they are ordered, as model sizes are.

A colour brings its own marker and line: neighbours of every `ramp` differ in all three, so that a figure also reads in
grey.
"""

from __future__ import annotations

from typing import Literal

RAMP = 8


def _with_ramp(named: dict[str, str], ramp: str) -> dict[str, str]:
    return named | {f"size{i}": colour for i, colour in enumerate(ramp.split())}


LIGHT = _with_ramp(
    {
        "paper": "#ffffff",
        "ink": "#1b1f24",
        "muted": "#6a737d",
        "grid": "#e3e6ea",
        "shade": "#8b949e",
        "accent": "#0072b2",
        "plan": "#d55e00",
    },
    "#440154 #482979 #3d4d8a #2f6c8e #23888e #20a486 #44bf70 #86d549",
)
DARK = _with_ramp(
    {
        "paper": "#14171a",
        "ink": "#e6e8ea",
        "muted": "#98a2ad",
        "grid": "#2c3238",
        "shade": "#7d8792",
        "accent": "#56b4e9",
        "plan": "#ff8f45",
    },
    "#3b528b #2e6e8e #24878e #1fa187 #3aba76 #73d056 #a8db34 #fde725",
)
Marker = Literal["circle", "square", "triangle-up", "triangle-down", "pentagon", "x", "cross", "star"]
Dash = Literal["solid", "dash", "dashdot", "dot"]
MARKERS: dict[str, Marker] = {
    "size0": "circle",
    "size1": "square",
    "size2": "triangle-up",
    "size3": "pentagon",
    "size4": "triangle-down",
    "size5": "x",
    "size6": "cross",
    "size7": "star",
    "plan": "square",
    "ink": "triangle-up",
    "shade": "triangle-down",
}
"""Markers by colour, in plotly's names; a colour that is not listed draws circles."""
DASHES: dict[str, Dash] = {
    "size1": "dashdot",
    "size2": "dash",
    "size4": "dashdot",
    "size6": "dot",
    "size7": "dash",
    "plan": "dash",
    "muted": "dot",
}
"""Lines by colour, in plotly's names; a colour that is not listed draws solid lines."""


def ramp(count: int) -> list[str]:
    """Names of `count` colours of the ramp, evenly spread, at most `RAMP`.

    >>> ramp(1), ramp(3)
    (['size0'], ['size0', 'size4', 'size7'])
    """
    return [f"size{round(i * (RAMP - 1) / max(count - 1, 1))}" for i in range(count)]
