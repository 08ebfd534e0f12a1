"""How the runs of a sweep learned: loss against tokens and compute, and final loss against the learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from reports.axes import limits
from reports.base import Axis, Figure, Layer, Line, Points
from reports.loss_figures import floats
from reports.probe_figures import lr_transfer_figures, ordered_colours
from reports.sweep_runs import SweepRun, SweepRuns
from reports.wording import clip, number, with_unit
from runners.probes.lr_transfer import Transfer, lr_transfer
from runners.probes.trials import Trial
from scalelaw.errors import DataError

MOST = 80
"""Learning curves that a figure draws."""
SHAPES = ("width", "depth", "lr", "n_tokens")
"""What may tell runs apart, most telling first: it gives the colours."""
UNITS = {"lr": "learning rate", "n_tokens": "tokens planned"}
BESIDE = {"width", "lr", "seed", "n_tokens"}
"""Fields that a sweep over learning rates may vary; the others tell sweeps apart."""
LOSS = "nats/token"


def learning_figures(sweep: SweepRuns) -> tuple[Figure, ...]:
    """Validation and training loss against tokens, and loss against compute; those that were logged."""
    against = (
        ("learning", "Learning curves: validation loss", "tokens", "val_loss"),
        ("training", "Learning curves: training loss", "tokens", "train_loss"),
        ("compute", "Loss against compute", "flops", "val_loss"),
    )
    return tuple(figure for one in against if (figure := _curves(sweep, *one)))


def _curves(sweep: SweepRuns, name: str, title: str, x: str, y: str) -> Figure | None:
    runs = [run for run in sweep.runs if np.isfinite(run.curve.get(y, np.array([]))).sum() > 1]
    if not runs:
        return None
    drawn = [runs[round(k)] for k in np.linspace(0, len(runs) - 1, min(len(runs), MOST))]
    shape, colours = shape_colours(sweep.runs)
    labelled: set[object] = set()
    layers: list[Layer] = []
    for run in drawn:
        value = run.spec.get(shape)
        label = "" if value in labelled else shape_label(shape, value)
        labelled.add(value)
        layers.append(_line(run, x, y, label, colours.get(value, "accent")))
    finals = _finals(drawn, x, shape, colours) if x == "flops" else []
    frontier = _frontier(runs, x, y) if x == "flops" else []
    shown = f" {len(drawn)} of {len(runs)} runs are drawn." if len(drawn) < len(runs) else ""
    ends = (
        " Points are the final losses; the line below them is the least loss found for each compute." if finals else ""
    )
    xs, ys = ([v for layer in (*layers, *finals) for v in getattr(layer, side)] for side in ("x", "y"))
    what = "compute, every matrix product counted" if x == "flops" else "tokens"
    unit = "FLOP" if x == "flops" else ""
    return Figure(
        name,
        title,
        f"One line a run, both axes logarithmic.{ends}{shown}",
        Axis(what, *limits(xs, True), unit=unit, log=True, ticks="power" if x == "flops" else "count"),
        Axis("loss", *limits(ys, True), unit=LOSS, log=True),
        (*layers, *finals, *frontier),
        legend=UNITS.get(shape, shape) if len(colours) > 1 else "",
    )


def _line(run: SweepRun, x: str, y: str, label: str, colour: str) -> Line:
    there = np.isfinite(run.curve[y]) & (run.curve[y] > 0) & (run.curve[x] > 0)
    xs, ys = run.curve[x][there], run.curve[y][there]
    tokens = run.curve["tokens"][there]
    hover = tuple(
        f"{clip(run.run_id)}\n{with_unit(at, 'tokens')}\nloss {number(value)}"
        for at, value in zip(tokens, ys, strict=True)
    )
    return Line(floats(xs), floats(ys), label, colour, hover)


def _finals(runs: Sequence[SweepRun], x: str, shape: str, colours: dict[object, str]) -> list[Points]:
    found = []
    for run in runs:
        if math.isfinite(run.loss) and run.flops > 0:
            hover = f"{clip(run.run_id)}\n{number(run.flops, 3)} FLOP\nfinal loss {number(run.loss)}"
            colour = colours.get(run.spec.get(shape), "accent")
            found.append(Points((run.flops,), (run.loss,), "", colour, (hover,)))
    return found


def _frontier(runs: Sequence[SweepRun], x: str, y: str) -> list[Line]:
    """The least loss found so far as compute grows, over all curves."""
    pairs = np.array([(a, b) for run in runs for a, b in zip(run.curve[x], run.curve[y], strict=True)])
    pairs = pairs[np.isfinite(pairs).all(1) & (pairs > 0).all(1)]
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    least = np.minimum.accumulate(pairs[:, 1])
    steps = np.flatnonzero(np.diff(least, prepend=np.inf) < 0)
    return [Line(floats(pairs[steps, 0]), floats(least[steps]), "least loss found", "ink")] if len(steps) > 1 else []


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
    parametrization, corpus = (str(run.spec.get(name, "")) for name in ("parametrization", "corpus"))
    return Trial(parametrization, int(run.spec["width"]), float(run.spec["lr"]), int(run.spec["seed"]), loss, corpus)
