"""A figure as plotly reads it: traces and a layout, plain data.

Colours stay names of the palette, with an opacity after an `@`; the page's script paints them by its theme.
"""

from __future__ import annotations

import html
from math import log10
from typing import Any

from reports.axes import ticks
from reports.base import Axis, Band, Figure, Floats, Line, Mark, Points, Region
from reports.palette import DASHES, MARKERS
from reports.wording import in_lines, visible


def plotly_figure(figure: Figure) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}`."""
    data = [_trace(layer, figure.crowded) for layer in figure.layers if isinstance(layer, Points | Line | Band)]
    shapes = [_shape(layer) for layer in figure.layers if isinstance(layer, Region | Mark)]
    return {"data": data, "layout": _layout(figure, shapes)}


def plain(text: str) -> str:
    """Text that plotly's own markup (`<b>`, `<a href>`) leaves as it is; a line break stays one."""
    return "<br>".join(html.escape(visible(line), quote=False) for line in text.split("\n"))


def _trace(layer: Points | Line | Band, crowd: bool) -> dict[str, Any]:
    shared = {"type": "scatter", "name": plain(layer.label), "showlegend": bool(layer.label)}
    match layer:
        case Points():
            places = {"x": _short(layer.x), "y": _short(layer.y)}
            return shared | {"mode": "markers", "marker": _marker(layer, crowd)} | places | _hover(layer.hover)
        case Line():
            line = {"color": layer.colour, "width": 2, "dash": DASHES.get(layer.colour, "solid")}
            places = {"x": _short(layer.x), "y": _short(layer.y)}
            return shared | {"mode": "lines", "line": line} | places | _hover(layer.hover)
        case Band():
            outline: dict[str, Any] = {"x": _short(layer.x + layer.x[::-1]), "y": _short(layer.low + layer.high[::-1])}
            outline |= {"line": {"width": 0}}
            fill = {"mode": "lines", "fill": "toself", "fillcolor": f"{layer.colour}@0.2", "hoverinfo": "skip"}
            return shared | outline | fill


def _marker(layer: Points, crowd: bool) -> dict[str, Any]:
    if layer.symbol == "diamond":
        return {"symbol": "diamond", "size": 11, "color": layer.colour}
    look = {"size": 5 if crowd else 8, "opacity": 0.5 if crowd else 0.85}
    return {"symbol": MARKERS.get(layer.colour, "circle"), "color": layer.colour} | look


def _short(values: Floats) -> list[float | None]:
    """Seven digits: finer than any screen. A layer for the legend alone has one place that is nowhere."""
    return [float(f"{value:.7g}") for value in values] or [None]


def _hover(texts: tuple[str, ...]) -> dict[str, Any]:
    """Texts travel as data, so that nothing in them is read as a template."""
    if not texts:
        return {"hoverinfo": "skip"}
    return {"text": [plain(text) for text in texts], "hovertemplate": "%{text}<extra></extra>"}


def _shape(layer: Region | Mark) -> dict[str, Any]:
    shared = {"name": plain(layer.label), "showlegend": bool(layer.label), "layer": "between"}
    if isinstance(layer, Region):
        ends = {"x0": layer.low, "x1": layer.high, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
        return shared | ends | {"type": "rect", "fillcolor": f"{layer.colour}@0.22", "line": {"width": 0}}
    along = {"x0": layer.at, "x1": layer.at, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    across = {"y0": layer.at, "y1": layer.at, "x0": 0, "x1": 1, "xref": "paper", "yref": "y"}
    line = {"color": layer.colour, "width": 1.5, "dash": "dash"}
    return shared | (along if layer.axis == "x" else across) | {"type": "line", "line": line}


def _layout(figure: Figure, shapes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "xaxis": _axis(figure.x),
        "yaxis": _axis(figure.y),
        "shapes": shapes,
        "legend": {"title": {"text": plain(figure.legend)}},
        "hovermode": "closest",
    }


def _axis(axis: Axis) -> dict[str, Any]:
    positions, texts = zip(*ticks(axis), strict=True)
    ends = [log10(axis.low), log10(axis.high)] if axis.log else [axis.low, axis.high]
    return {
        "type": "log" if axis.log else "linear",
        "range": ends,
        "title": {"text": plain(in_lines(axis.title))},
        "tickvals": positions,
        "ticktext": texts,
    }
