"""Figures by matplotlib, as SVG and PNG; the same figure gives the same bytes.

Drawn on matplotlib's objects without pyplot, so that nothing global is touched.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from reports import axes
from reports.base import Axis, Band, Figure, Layer, Line, Mark, Points, Region
from reports.palette import LIGHT

SIZE_INCHES = (7.2, 4.0)
DPI = 200
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": LIGHT["muted"],
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.6,
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.labelcolor": LIGHT["ink"],
    "text.color": LIGHT["ink"],
    "axes.labelcolor": LIGHT["ink"],
    "text.parse_math": False,  # a dollar sign in a column's name is a dollar sign
    "svg.hashsalt": "scalelaw",
}


def svg(figure: Figure) -> bytes:
    """The figure as SVG."""
    return _save(figure, "svg", {"Date": None})


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    return _save(figure, "png", {})


def _save(figure: Figure, form: str, metadata: dict[str, Any]) -> bytes:
    content = BytesIO()
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=SIZE_INCHES, layout="constrained")
        FigureCanvasAgg(canvas)
        draw(canvas.add_subplot(), figure)
        canvas.savefig(content, format=form, dpi=DPI, metadata=metadata)
    return content.getvalue()


def draw(ax: Axes, figure: Figure) -> None:
    """Draw a figure into axes of a canvas, which may hold others beside it."""
    for layer in figure.layers:
        _draw_layer(ax, layer)
    ax.set_title(figure.title, loc="left", fontsize=10, fontweight="bold")
    ax.set_xlabel(figure.x.title)
    ax.set_ylabel(figure.y.title)
    _scale(ax, figure)
    _tick(ax.xaxis, figure.x)
    _tick(ax.yaxis, figure.y)
    if ax.get_legend_handles_labels()[1]:
        legend = ax.legend(
            title=figure.legend or None, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, markerscale=1.5
        )
        legend.set_alignment("left")


def _scale(ax: Axes, figure: Figure) -> None:
    ax.set_xscale("log" if figure.x.log else "linear")
    ax.set_yscale("log" if figure.y.log else "linear")
    ax.set_xlim(figure.x.low, figure.x.high)
    ax.set_ylim(figure.y.low, figure.y.high)


def _tick(side: Any, axis: Axis) -> None:
    positions, texts = zip(*axes.ticks(axis), strict=True)
    side.set_major_locator(FixedLocator(positions))
    side.set_major_formatter(FixedFormatter(texts))
    side.set_minor_locator(NullLocator())
    side.set_minor_formatter(NullFormatter())


def _draw_layer(ax: Axes, layer: Layer) -> None:
    colour = LIGHT[layer.colour]
    label = layer.label or None
    match layer:
        case Points():
            mark, size = ("D", 40) if layer.symbol == "diamond" else ("o", 13)
            ax.scatter(layer.x, layer.y, s=size, marker=mark, color=colour, alpha=0.85, lw=0, label=label, zorder=3)
        case Line():
            ax.plot(layer.x, layer.y, color=colour, lw=1.5, label=label)
        case Band():
            ax.fill_between(layer.x, layer.low, layer.high, color=colour, alpha=0.2, lw=0, label=label)
        case Region():
            ax.axvspan(layer.low, layer.high, color=colour, alpha=0.22, lw=0, label=label, zorder=0.5)
        case Mark():
            line = ax.axvline if layer.axis == "x" else ax.axhline
            line(layer.at, color=colour, lw=1.1, ls=(0, (4, 3)), label=label)
