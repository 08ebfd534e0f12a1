"""Figures of the probes: what moves, and against what, panel beside panel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from reports.axes import limits
from reports.base import Axis, Band, Figure, Floats, Line, Mark, Points
from reports.palette import RAMP, ramp
from scalelaw.errors import MissingExtraError, UsageError
from scalelaw.results import Interval

if TYPE_CHECKING:
    from runners.probes.growth import GrowthAlong
    from runners.probes.lr_sensitivity import LrSensitivity
    from runners.probes.lr_transfer import Transfer
    from runners.probes.noise_scale import NoiseAlong
    from runners.probes.sharpness import SharpnessAlong
    from runners.spec import TrainSpec

Number = TypeVar("Number", int, float)

PANEL_INCHES = (4.4, 3.8)
LEGEND_INCHES = 1.3
COLOURS = ("accent", "plan", "size3", "size6", "ink", "shade")
"""For names that have no order, such as parametrizations."""
FLAT = 0.6
"""How far above the best loss a panel of curves reaches, in nats: an optimum is seen, a divergence is only told."""


def write_panels(figures: Sequence[Figure], path: Path) -> None:
    """Draw the figures into one file, SVG or PNG by its ending, side by side or, more than three, two to a row.

    Raises:
        UsageError: for another ending.
        MissingExtraError: where matplotlib is not installed.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png"):
        raise UsageError(f"A figure is an .svg or .png file; found {str(path)!r}.")
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        raise MissingExtraError("A figure", "report") from None
    from reports.figures import DPI, STYLE, draw

    width, height = PANEL_INCHES
    content = BytesIO()
    with mpl.rc_context(STYLE):
        columns = len(figures) if len(figures) <= 3 else 2
        rows = -(-len(figures) // columns)
        canvas = Canvas(figsize=(columns * width + LEGEND_INCHES, rows * height), layout="constrained")
        FigureCanvasAgg(canvas)
        panels = canvas.subplots(rows, columns, squeeze=False).flat
        for ax, figure in zip(panels, figures, strict=False):
            draw(ax, figure)
        for ax in panels:  # the last row may not be full
            ax.remove()
        canvas.savefig(content, format=form, dpi=DPI, metadata={"Date": None} if form == "svg" else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())


def lr_transfer_figures(transfers: Sequence[Transfer]) -> tuple[Figure, ...]:
    """A panel for each family: mean loss against the rate at every width, and the parabolas' optima as diamonds.

    A rate at which a run diverged is not drawn: its loss is only known to be worse.
    """
    curves = [curve for transfer in transfers for curve in transfer.curves]
    colours = ordered_colours({curve.width for curve in curves})
    drawn = [(curve.x[curve.finished], curve.loss[curve.finished]) for curve in curves]
    x = Axis("learning rate, log2", *limits([v for rates, _ in drawn for v in rates]))
    losses = [v for _, loss in drawn for v in loss]
    top = min(max(losses), max(float(curve.loss.min()) for curve in curves) + FLAT)
    optima = [best.loss for transfer in transfers for best in transfer.optima if best.loss is not None]
    y = Axis("loss", *limits([min(losses + optima), top]), unit="nats/token")
    labels = {width: str(width) for width in colours}
    figures = []
    for transfer in reversed(transfers):
        layers: list[Line | Points] = []
        for curve, optimum in zip(transfer.curves, transfer.optima, strict=True):
            rates, loss = _floats(curve.x[curve.finished]), _floats(curve.loss[curve.finished])
            colour = colours[curve.width]
            layers += [Line(rates, loss, labels.pop(curve.width, ""), colour), Points(rates, loss, "", colour)]
            if optimum.x is not None and optimum.loss is not None:
                layers.append(Points((optimum.x,), (optimum.loss,), "", colour, symbol="diamond"))
        last = transfer is transfers[-1]
        if last:
            layers.append(Points((), (), "optimum", "ink", symbol="diamond"))
        octaves = "" if transfer.drift is None else f"{transfer.drift:+.2f}".replace("-", "−")
        moved = f"optimum moves {octaves} octaves" if octaves else "optimum unknown"
        title, legend = f"{transfer.family}\n{moved}", "width" if last else ""
        figures.append(Figure("lr_transfer", title, transfer.sentence, x, y, tuple(layers), legend))
    return tuple(reversed(figures))


def lr_sensitivity_figures(found: LrSensitivity) -> tuple[Figure, ...]:
    """Sensitivity against width, a line for each parametrization, with its intervals."""
    families = list(dict.fromkeys(model.family for model in found.models))
    ends = [v for m in found.models for v in (m.value, getattr(m.interval, "low", m.value))]
    ends += [getattr(m.interval, "high", m.value) for m in found.models]
    layers: list[Line | Points | Band] = []
    for family, colour in zip(families, _cycle(len(families)), strict=True):
        mine = [model for model in found.models if model.family == family]
        known = [(m.width, m.interval) for m in mine if isinstance(m.interval, Interval)]
        if known:
            low, high = _floats([i.low for _, i in known]), _floats([i.high for _, i in known])
            layers.append(Band(_floats([width for width, _ in known]), low, high, "", colour))
        width, value = _floats([m.width for m in mine]), _floats([m.value for m in mine])
        layers += [Line(width, value, family, colour), Points(width, value, "", colour)]
    layers += _named_bands(m.interval for m in found.models if isinstance(m.interval, Interval))
    widths = tuple(sorted({float(model.width) for model in found.models}))
    x = Axis("width", *limits(widths, True), log=True, at=widths)
    y = Axis("sensitivity to the learning rate", *limits([0.0, *ends]), unit="nats/token")
    return (Figure("lr_sensitivity", "What a rate that is off costs", found.sentence, x, y, tuple(layers)),)


def sharpness_figures(found: SharpnessAlong) -> tuple[Figure, ...]:
    """A panel for each parametrization: sharpness as a share of what the peak rate can stand, against the step."""
    points = [(point.spec, point.steps, point.share_at_peak) for point in found.points if point.share_at_peak > 0]
    y = Axis("sharpness / limit at the peak rate", *limits([1.0, *(share for *_, share in points)], True), log=True)
    return _along_panels("sharpness", points, y, (Mark(1.0, "stable limit", "muted", "y"),), found.sentence)


def noise_scale_figures(found: NoiseAlong) -> tuple[Figure, ...]:
    """A panel for each parametrization: the noise scale against the step, with its intervals."""
    known = [point for point in found.points if math.isfinite(point.scale.examples)]
    batches = sorted({point.spec.batch_size for point in known})
    intervals = {(p.spec, p.steps): p.scale.interval for p in known if isinstance(p.scale.interval, Interval)}
    ends = [end for interval in intervals.values() for end in (interval.low, interval.high)]
    values = limits([*batches, *ends, *(p.scale.examples for p in known)], True)
    y = Axis("noise scale", *values, unit="sequences", log=True)
    marks = tuple(Mark(float(batch), f"batch of {batch}", "muted", "y") for batch in batches)
    points = [(p.spec, p.steps, p.scale.examples) for p in known]
    return _along_panels("noise_scale", points, y, marks, found.sentence, intervals)


def growth_figures(found: GrowthAlong) -> tuple[Figure, ...]:
    """A panel for each parametrization, with and without qk_norm: the largest logit against the rate, by width."""
    peaks = found.peaks()
    colours = ordered_colours({point.spec.width for point in peaks})
    x = Axis("learning rate, log2", *limits([math.log2(point.spec.lr) for point in peaks]))
    ends = limits([found.limit, *(point.largest for point in peaks)], True)
    y = Axis("largest attention logit", *ends, log=True, ticks="power")
    arms = sorted({(point.spec.parametrization, point.spec.qk_norm) for point in peaks})
    figures = []
    for name, qk_norm in arms:
        last = (name, qk_norm) == arms[-1]
        layers: list[Line | Points | Mark] = []
        for width, colour in colours.items():
            highest: dict[float, float] = {}
            for p in peaks:
                if (p.spec.parametrization, p.spec.qk_norm, p.spec.width) == (name, qk_norm, width):
                    highest[p.spec.lr] = max(p.largest, highest.get(p.spec.lr, 0.0))
            rates = sorted(highest)
            at, largest = _floats([math.log2(lr) for lr in rates]), _floats([highest[lr] for lr in rates])
            layers += [Line(at, largest, str(width) if last else "", colour), Points(at, largest, "", colour)]
        layers.append(Mark(found.limit, "limit" if last else "", "muted", "y"))
        title = f"{name}, with{'' if qk_norm else 'out'} qk_norm"
        figures.append(Figure("growth", title, found.sentence, x, y, tuple(layers), "width" if last else ""))
    return tuple(figures)


def _along_panels(
    name: str,
    points: Sequence[tuple[TrainSpec, int, float]],
    y: Axis,
    marks: tuple[Mark, ...],
    caption: str,
    intervals: Mapping[tuple[TrainSpec, int], Interval] = MappingProxyType({}),
) -> tuple[Figure, ...]:
    """A panel for each parametrization, a line for each run, coloured by width; the start is drawn at step 1/2."""
    colours = ordered_colours({spec.width for spec, _, _ in points})
    start = ", the start drawn at 1/2" if any(step == 0 for _, step, _ in points) else ""
    x = Axis(f"step{start}", *limits([max(step, 0.5) for _, step, _ in points], True), log=True)
    names = list(dict.fromkeys(spec.parametrization for spec, _, _ in points))
    figures = []
    for parametrization in names:
        last, labelled = parametrization == names[-1], set[int]()
        layers: list[Line | Points | Band | Mark] = []
        for spec in dict.fromkeys(spec for spec, _, _ in points if spec.parametrization == parametrization):
            run = [(max(step, 0.5), value) for one, step, value in points if one == spec]
            steps, values = _floats([s for s, _ in run]), _floats([v for _, v in run])
            label = str(spec.width) if last and spec.width not in labelled else ""
            labelled.add(spec.width)
            colour = colours[spec.width]
            known = [(max(step, 0.5), found) for (one, step), found in intervals.items() if one == spec]
            if known:
                low, high = _floats([i.low for _, i in known]), _floats([i.high for _, i in known])
                layers.append(Band(_floats([step for step, _ in known]), low, high, "", colour))
            layers += [Line(steps, values, label, colour), Points(steps, values, "", colour)]
        layers += _named_bands(intervals.values()) if last else []
        layers += [mark if last else replace(mark, label="") for mark in marks]
        figures.append(Figure(name, parametrization, caption, x, y, tuple(layers), "width" if last else ""))
    return tuple(figures)


def _named_bands(intervals: Iterable[Interval]) -> list[Band]:
    """The legend's entry for bands of any colour, where there are some."""
    levels = sorted({interval.level for interval in intervals})
    return [Band((), (), (), f"{100 * level:g} % interval", "muted") for level in levels]


def ordered_colours(values: set[Number]) -> dict[Number, str]:
    """A colour of the ramp for each value; beyond its colours, neighbours share one."""
    names = ramp(min(len(values), RAMP))
    return {value: names[i * len(names) // len(values)] for i, value in enumerate(sorted(values))}


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _floats(values: Sequence[float] | np.ndarray) -> Floats:
    return tuple(map(float, values))
