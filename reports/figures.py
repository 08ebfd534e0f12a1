"""Figures by matplotlib, as SVG, PDF and PNG, in a style fit for a paper; the same figure gives the same bytes.

Drawn on matplotlib's objects without pyplot, so that nothing global is touched. A figure is as wide as a column of a
two-column paper, its text 8 points, its fonts embedded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from reports import axes
from reports.base import Axis, Band, Figure, Layer, Line, Mark, Points, Region
from reports.palette import DASHES, LIGHT, MARKERS
from reports.wording import in_lines, visible

WIDTH_INCHES, HEIGHT_INCHES = 3.4, 2.45
"""Of the figure without its legend, which stands below."""
LINE_INCHES, LETTER_INCHES, KEY_INCHES = 0.165, 0.062, 0.36
"""What a line of the legend, one of its letters and one of its keys take."""
DPI = 300
UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
"""What keeps the day out of the bytes."""
SHAPES = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "triangle-down": "v",
    "pentagon": "p",
    "x": "X",
    "cross": "P",
    "star": "*",
}
_AREAS = {"o": 13, "*": 26}
STROKES: dict[str, Any] = {"solid": "-", "dash": (0, (5, 2)), "dashdot": (0, (5, 1.5, 1, 1.5)), "dot": (0, (1.2, 1.5))}
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.edgecolor": LIGHT["muted"],
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.labelcolor": LIGHT["ink"],
    "text.color": LIGHT["ink"],
    "axes.labelcolor": LIGHT["ink"],
    "text.parse_math": False,  # a dollar sign in a column's name is a dollar sign
    "svg.hashsalt": "scalelaw",
    "pdf.fonttype": 42,  # TrueType: what publishers accept, and text that can be searched
}


def svg(figure: Figure) -> bytes:
    """The figure as SVG."""
    return drawn(figure, ("svg",))["svg"]


def pdf(figure: Figure) -> bytes:
    """The figure as PDF, fonts embedded."""
    return drawn(figure, ("pdf",))["pdf"]


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    return drawn(figure, ("png",))["png"]


def drawn(figure: Figure, forms: Iterable[str]) -> dict[str, bytes]:
    """The figure in every form, laid out once."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # A name may hold a letter that the font lacks; it is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        canvas = Canvas(layout="constrained")
        FigureCanvasAgg(canvas)
        ax = canvas.add_subplot()
        _draw(ax, figure)
        lines = _legend_below(canvas, ax, figure)
        canvas.set_size_inches(WIDTH_INCHES, HEIGHT_INCHES + LINE_INCHES * lines)
        canvas.draw_without_rendering()
        canvas.set_layout_engine("none")  # what is laid out stays, whichever forms follow
        return {form: _saved(canvas, form) for form in forms}


def _saved(canvas: Canvas, form: str) -> bytes:
    content = BytesIO()
    canvas.savefig(content, format=form, dpi=DPI, metadata=UNDATED[form])
    return content.getvalue()


def draw(ax: Axes, figure: Figure) -> None:
    """Draw a figure with its title and legend into axes of a canvas, which may hold others beside it."""
    _draw(ax, figure)
    ax.set_title("\n".join(map(visible, figure.title.split("\n"))), loc="left", fontweight="bold")
    if ax.get_legend_handles_labels()[1]:
        legend = ax.legend(
            title=visible(figure.legend) or None,
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            frameon=False,
            markerscale=1.5,
        )
        legend.set_alignment("left")


def _draw(ax: Axes, figure: Figure) -> None:
    for layer in figure.layers:
        _draw_layer(ax, layer, figure.crowded)
    ax.set_xlabel(in_lines(figure.x.title))
    ax.set_ylabel(in_lines(figure.y.title))
    _scale(ax, figure)
    _tick(ax.xaxis, figure.x)
    _tick(ax.yaxis, figure.y)


def _legend_below(canvas: Canvas, ax: Axes, figure: Figure) -> int:
    """A legend under the figure, in as many columns as fit its width; the lines it takes."""
    handles, labels = ax.get_legend_handles_labels()
    if not labels:
        return 0
    widest = KEY_INCHES + LETTER_INCHES * max(map(len, labels))
    columns = min(len(labels), max(1, int(WIDTH_INCHES / widest)))
    rows = -(-len(labels) // columns)
    columns = -(-len(labels) // rows)
    legend = canvas.legend(
        handles,
        labels,
        title=visible(figure.legend) or None,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        markerscale=1.4,
        handlelength=2.2,
        columnspacing=1.2,
    )
    legend.set_alignment("center")
    return rows + bool(figure.legend)


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


def _draw_layer(ax: Axes, layer: Layer, crowd: bool) -> None:
    colour = LIGHT[layer.colour]
    label = visible(layer.label) or None
    match layer:
        case Points():
            look: dict[str, Any] = {"color": colour, "lw": 0, "label": label, "zorder": 3}
            look |= {"marker": "D", "s": 34} if layer.symbol == "diamond" else _spot(layer, crowd)
            ax.scatter(layer.x, layer.y, **look)
        case Line():
            dash = STROKES[DASHES.get(layer.colour, "solid")]
            ax.plot(layer.x, layer.y, color=colour, lw=1.2, ls=dash, label=label)
        case Band():
            ax.fill_between(layer.x, layer.low, layer.high, color=colour, alpha=0.2, lw=0, label=label)
        case Region():
            ax.axvspan(layer.low, layer.high, color=colour, alpha=0.22, lw=0, label=label, zorder=0.5)
        case Mark():
            line = ax.axvline if layer.axis == "x" else ax.axhline
            line(layer.at, color=colour, lw=1.0, ls=(0, (4, 3)), label=label)


def _spot(layer: Points, crowd: bool) -> dict[str, Any]:
    """The colour's own marker; in a crowd, small and pale."""
    shape = SHAPES[MARKERS.get(layer.colour, "circle")]
    return {"marker": shape, "s": 4 if crowd else _AREAS.get(shape, 18), "alpha": 0.5 if crowd else 0.85}
