"""How the runs of a sweep learned: loss against tokens and compute, and final loss against the learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from reports.axes import limits, ticks
from reports.base import Axis, Figure, Layer, Line, Points
from reports.loss_figures import floats
from reports.probe_figures import lr_transfer_figures, ordered_colours
from reports.sweep_runs import SweepRun, SweepRuns
from reports.thinning import MAX_POINTS
from reports.wording import clip, number, with_unit
from runners.probes.lr_transfer import Transfer, lr_transfer
from runners.probes.trials import Trial
from scalelaw.errors import DataError

Mark = TypeVar("Mark", Line, Points)

MOST = 80
"""Learning curves that a figure draws."""
SHAPES = ("width", "depth", "lr", "n_tokens")
"""What may tell runs apart, most telling first: it gives the colours."""
UNITS = {"lr": "learning rate", "n_tokens": "tokens planned"}
BESIDE = {"width", "lr", "seed", "n_tokens"}
"""Fields that a sweep over learning rates may vary; the others tell sweeps apart."""
LOSS = "nats/token"


def learning_figures(sweep: SweepRuns) -> tuple[Figure, ...]:
    """Validation and training loss against tokens, and loss against compute, of each corpus; those that were logged."""
    parts = {corpus: figures for corpus, runs in sweep.by_corpus.items() if (figures := _of_corpus(runs))}
    if len(parts) < 2:
        return tuple(figure for figures in parts.values() for figure in figures)
    named = [(f"on {clip(corpus) or 'a corpus that is not stated'}", figures) for corpus, figures in parts.items()]
    return tuple(
        replace(figure, name=f"{figure.name}_{i}", title=f"{figure.title}, {on}")
        for i, (on, figures) in enumerate(named, 1)
        for figure in figures
    )


def _of_corpus(runs: Sequence[SweepRun]) -> list[Figure]:
    against = (
        ("learning", "Learning curves: validation loss", "val_loss"),
        ("training", "Learning curves: training loss", "train_loss"),
    )
    figures = [_curves(runs, name, title, y) for name, title, y in against]
    return [figure for figure in (*figures, _compute(runs)) if figure]


def _curves(every: Sequence[SweepRun], name: str, title: str, y: str) -> Figure | None:
    """A line a run against tokens; None where no run logged two values."""
    runs = [run for run in every if _logged(run, y)]
    if not runs:
        return None
    shape, colours = shape_colours(every)
    drawn = _spread(runs, shape)
    lines = _labelled(
        [(run, _line(run, "tokens", y, colours.get(run.spec.get(shape), "accent"))) for run in drawn], shape
    )
    return Figure(
        name,
        title,
        f"One line a run, both axes logarithmic.{_left_out(drawn, runs)}",
        Axis("tokens", *limits([v for line in lines for v in line.x], True), log=True, ticks="count"),
        _loss_axis(runs[0].unit, *limits([v for line in lines for v in line.y], True)),
        tuple(lines),
        legend=_legend(shape, colours),
    )


def _compute(every: Sequence[SweepRun]) -> Figure | None:
    """Curves and final losses against the compute spent, with the least loss found so far."""
    runs = [run for run in every if _logged(run, "val_loss") or (math.isfinite(run.loss) and run.flops > 0)]
    if not runs:
        return None
    shape, colours = shape_colours(every)
    drawn = _spread(runs, shape)
    lines: list[tuple[SweepRun, Line]] = [
        (run, _line(run, "flops", "val_loss", colours.get(run.spec.get(shape), "accent")))
        for run in drawn
        if _logged(run, "val_loss")
    ]
    finals = [
        (run, _final(run, colours.get(run.spec.get(shape), "accent")))
        for run in (drawn if lines else _spread(runs, shape, MAX_POINTS))
        if math.isfinite(run.loss) and run.flops > 0
    ]
    # The legend names lines where there are any, else points.
    named = [point for _, point in finals] if lines else _labelled(finals, shape)
    layers: list[Line | Points] = [*_labelled(lines, shape), *named]
    points = [pair for layer in layers for pair in zip(layer.x, layer.y, strict=True)]
    return Figure(
        "compute",
        "Loss against compute",
        f"Both axes logarithmic. Points are final losses{', lines the way there' if lines else ''}; the frontier is "
        f"the least loss found for each compute.{_left_out(drawn if lines else finals, runs)}",
        Axis("compute", *limits([x for x, _ in points], True), unit="FLOP", log=True, ticks="power"),
        _loss_axis(runs[0].unit, *limits([y for _, y in points], True)),
        (*layers, *_frontier(points)),
        legend=_legend(shape, colours),
    )


def _logged(run: SweepRun, y: str) -> bool:
    return int(np.isfinite(run.curve.get(y, np.array([]))).sum()) > 1


def _spread(runs: Sequence[SweepRun], shape: str, most: int = MOST) -> list[SweepRun]:
    """At most so many of the runs, evenly spread in the order of the shape, which is then that of the legend."""
    values = [(run.spec.get(shape), run) for run in runs]
    ordered = [run for _, run in sorted(values, key=lambda pair: pair[0] if isinstance(pair[0], int | float) else 0)]
    return [ordered[round(k)] for k in np.linspace(0, len(runs) - 1, min(len(runs), most))]


def _left_out(drawn: Sequence[object], runs: Sequence[SweepRun]) -> str:
    return f" {len(drawn)} of {len(runs)} runs are drawn." if len(drawn) < len(runs) else ""


def _legend(shape: str, colours: Mapping[object, str]) -> str:
    return UNITS.get(shape, shape) if len(colours) > 1 else ""


def _labelled(drawn: Sequence[tuple[SweepRun, Mark]], shape: str) -> list[Mark]:
    """The layers, the first of each shape with its name."""
    labelled: set[object] = set()
    layers = []
    for run, layer in drawn:
        value = run.spec.get(shape)
        layers.append(layer if value in labelled else replace(layer, label=shape_label(shape, value)))
        labelled.add(value)
    return layers


def _loss_axis(unit: str, low: float, high: float) -> Axis:
    """A logarithmic axis; over less than a factor of three its ticks are even, or there would be one or two."""
    even = tuple(at for at, _ in ticks(Axis("", low, high))) if high < 3 * low else ()
    return Axis("loss", low, high, unit=unit, log=True, at=even)


def _line(run: SweepRun, x: str, y: str, colour: str) -> Line:
    there = np.isfinite(run.curve[y]) & (run.curve[y] > 0) & (run.curve[x] > 0)
    xs, ys, tokens = (run.curve[name][there] for name in (x, y, "tokens"))
    hover = tuple(
        f"{clip(run.run_id)}\n{with_unit(at, 'tokens')}\nloss {number(value)}"
        for at, value in zip(tokens, ys, strict=True)
    )
    return Line(floats(xs), floats(ys), "", colour, hover)


def _final(run: SweepRun, colour: str) -> Points:
    hover = f"{clip(run.run_id)}\n{number(run.flops, 3)} FLOP\nfinal loss {number(run.loss)}"
    return Points((run.flops,), (run.loss,), "", colour, (hover,))


def _frontier(points: Sequence[tuple[float, float]]) -> list[Line]:
    """The least loss found so far as compute grows."""
    pairs = np.array(sorted(points))
    least = np.minimum.accumulate(pairs[:, 1])
    steps = np.flatnonzero(np.diff(least, prepend=np.inf) < 0)
    return [Line(floats(pairs[steps, 0]), floats(least[steps]), "frontier", "ink")] if len(steps) > 1 else []


def shape_colours(runs: Sequence[SweepRun]) -> tuple[str, dict[object, str]]:
    """What tells the runs apart, and a colour of the ramp for each of its values."""
    for name in SHAPES:
        values = {run.spec[name] for run in runs if isinstance(run.spec.get(name), int | float)}
        if len(values) > 1:
            return name, dict(ordered_colours(values))
    return SHAPES[0], {}


def shape_label(name: str, value: object) -> str:
    """A value as the legend shows it."""
    if not isinstance(value, int | float):
        return ""
    return with_unit(float(value), "tokens").removesuffix(" tokens") if name == "n_tokens" else number(float(value))


def transfers(sweep: SweepRuns) -> tuple[Transfer, ...]:
    """What the sweeps over learning rates say, where there are any: runs that differ in width, rate and seed alone."""
    found: list[Transfer] = []
    for trials in _rate_sweeps(sweep):
        try:
            found += lr_transfer(trials)
        except DataError:  # one width, or a width at which every run diverged
            continue
    return tuple(found)


def rate_figures(sweep: SweepRuns, found: Sequence[Transfer]) -> tuple[Figure, ...]:
    """Final loss against the learning rate, a line for each width; a figure for each set of runs so swept."""
    if not found:
        return tuple(_rates(trials, i) for i, trials in enumerate(_rate_sweeps(sweep), 1))
    figures = []
    for i, transfer in enumerate(found, 1):
        (panel,) = lr_transfer_figures([transfer])
        title = f"Final loss against the learning rate, {panel.title}".replace("\n", ": ")
        figures.append(replace(panel, name=f"learning_rate_{i}", title=title))
    return tuple(figures)


def _rates(trials: Sequence[Trial], i: int) -> Figure:
    """Mean final loss against the rate, by width; a rate at which a run diverged is not drawn."""
    colours = ordered_colours({trial.width for trial in trials})
    layers: list[Layer] = []
    for width, colour in colours.items():
        losses: dict[float, list[float]] = {}
        for trial in trials:
            if trial.width == width:
                losses.setdefault(math.log2(trial.lr), []).append(trial.loss)
        means = [(x, float(np.mean(found))) for x, found in sorted(losses.items()) if math.isfinite(sum(found))]
        x, y = floats([x for x, _ in means]), floats([y for _, y in means])
        layers += [Line(x, y, "", colour), Points(x, y, str(width), colour)]
    xs, ys = ([v for layer in layers for v in getattr(layer, side)] for side in ("x", "y"))
    return Figure(
        f"learning_rate_{i}",
        f"Final loss against the learning rate, {trials[0].family}",
        "Means over seeds; a rate at which a run diverged is not drawn. Whether the rate transfers takes several "
        "widths at which the best rate is not the last one tried.",
        Axis("learning rate, log2", *limits(xs)),
        Axis("loss", *limits(ys), unit=LOSS),
        tuple(layers),
        legend="width",
    )


def _rate_sweeps(sweep: SweepRuns) -> Iterator[tuple[Trial, ...]]:
    """Sets of ended runs that differ in width, rate and seed alone, with at least two rates at one width."""
    sets: dict[str, dict[tuple[int, float, int], list[Trial]]] = {}
    for run in sweep.of("finished", "diverged"):
        if not all(isinstance(run.spec.get(name), int | float) for name in ("width", "lr", "seed")):
            continue
        same = repr(sorted((name, value) for name, value in run.spec.items() if name not in BESIDE))
        trial = _trial(run)
        sets.setdefault(same, {}).setdefault((trial.width, trial.lr, trial.seed), []).append(trial)
    for trials in sets.values():
        rates: dict[int, set[float]] = {}
        for width, lr, _ in trials:
            rates.setdefault(width, set()).add(lr)
        once = all(len(found) == 1 for found in trials.values())  # else another field, tokens, tells them apart
        if once and max(map(len, rates.values())) > 1:
            yield tuple(found[0] for found in trials.values())


def _trial(run: SweepRun) -> Trial:
    loss = run.loss if run.status == "finished" else math.inf
    parametrization, corpus = str(run.spec.get("parametrization") or "runs"), str(run.spec.get("corpus") or "")
    return Trial(parametrization, int(run.spec["width"]), float(run.spec["lr"]), int(run.spec["seed"]), loss, corpus)
