"""Colours by name, for light and for dark paper, told apart under the common colour-vision deficiencies.

`accent` and `plan` are Okabe and Ito's blue and vermillion (2008), lightened on dark paper. The ramp `size0` to `size7` is
matplotlib's plasma without the end that vanishes into the paper; it is ordered, as model sizes are.
"""

from __future__ import annotations

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
    "#0d0887 #46039f #7401a8 #9c179e #be3885 #d8576b #ed7a52 #fb9f3a",
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
    "#8f0da4 #b12a90 #cc4778 #e16462 #f2844b #fca636 #fcce25 #f0f921",
)


def ramp(count: int) -> list[str]:
    """Names of `count` colours of the ramp, evenly spread, at most `RAMP`.

    >>> ramp(1), ramp(3)
    (['size0'], ['size0', 'size4', 'size7'])
    """
    return [f"size{round(i * (RAMP - 1) / max(count - 1, 1))}" for i in range(count)]
