"""`scalelaw probe`: what a family of models does as it grows and trains, beside how well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from reports.base import Figure
    from runners.probes.trials import Trial
    from runners.spec import TrainSpec

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Probe how models train as they grow.")

Runs = Annotated[list[Path], typer.Argument(metavar="RUNS", help="Tables or stores of a learning-rate sweep.")]
SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP", help="A sweep's TOML file; each of its runs is probed.")]
Only = Annotated[
    list[str] | None, typer.Option("--parametrization", help="Only these runs; may be repeated.  [default: all]")
]
Points = Annotated[int, typer.Option(min=2, help="Pauses of a run, log-spaced over its steps.")]


@app.command("lr-transfer")
def lr_transfer(
    runs: Runs,
    parametrization: Only = None,
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Exit code 1 unless the rate of this parametrization transfers."),
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Write the runs to this CSV file, diverged ones included.")] = None,
    level: options.Level = 0.95,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Does the best learning rate of a small width serve a larger one? From a sweep of width, rate, seed.

    At each width a parabola through the seeds' mean losses around the best rate gives the optimum, never beyond the
    rates tried; at least three seeds give intervals. A rate transfers if its optimum moves by less than half an octave.

    scalelaw sweep run data/lr_transfer/sweep.toml --workers 2

    scalelaw probe lr-transfer runs/lr_transfer --require mup --figure lr.svg
    """
    from runners.probes.lr_transfer import lr_transfer as measure
    from scalelaw.errors import ScalelawError

    trials = _trials(runs, [*(parametrization or []), *((require or []) if parametrization else [])])
    if table:
        _write_table(trials, table)
    found = measure(trials, level)
    rows = [row for transfer in found for row in transfer.rows()]
    sentences = [transfer.sentence for transfer in found]
    _write(format, rows, sentences, {"transfers": [transfer.as_dict() for transfer in found]})
    if figure:
        from reports.probe_figures import lr_transfer_figures

        _draw(lr_transfer_figures(found), figure)
    missing = set(require or []) - {trial.parametrization for trial in trials}
    failed = [t.family for t in found if t.parametrization in (require or []) and not t.transfers]
    if failed or missing:
        raise ScalelawError(
            f"The learning rate is not shown to transfer: {', '.join([*failed, *sorted(missing)])}. "
            "Next: read the verdict above; sweep more rates, or tune the rate at every width."
        )


@app.command("lr-sensitivity")
def lr_sensitivity(
    runs: Runs,
    initial_loss: Annotated[
        float, typer.Option(help="Loss at initialisation, nats/token; what a diverged run counts as. Bytes: 5.545.")
    ],
    parametrization: Only = None,
    level: options.Level = 0.95,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """How much does a learning rate that is off cost, on average over those tried at every width?

    scalelaw probe lr-sensitivity runs/lr_transfer --initial-loss 5.545
    """
    from runners.probes.lr_sensitivity import lr_sensitivity as measure

    found = measure(_trials(runs, parametrization or []), initial_loss, level)
    about = {"initial_loss": found.initial_loss, "rates": list(found.rates), "models": found.rows()}
    _write(format, found.rows(), [found.sentence], about)
    if figure:
        from reports.probe_figures import lr_sensitivity_figures

        _draw(lr_sensitivity_figures(found), figure)


@app.command("sharpness")
def sharpness(
    sweep: SweepFile,
    points: Points = 6,
    examples: Annotated[int, typer.Option(min=1, help="Sequences of the fixed batch.")] = 128,
    tolerance: Annotated[float, typer.Option(min=1e-7, help="Relative error bound of an eigenvalue.")] = 1e-2,
    products: Annotated[int, typer.Option(min=2, help="Hessian-vector products of a measurement, at most.")] = 60,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Largest curvature along training against what the optimizer can stand: 2/lr for SGD, 38/lr for Adam.

    Trains every run of the sweep on one CPU core; the Hessian is that of the training loss on a fixed batch, as the
    optimizer's step sees it. A run's verdict leaves its warm-up out.

    scalelaw probe sharpness sharpness.toml --figure sharpness.svg
    """
    specs = _specs(sweep)
    from runners.probes.sharpness import sharpness_along

    found = sharpness_along(
        specs, points=points, examples=examples, tolerance=tolerance, products=products, on_point=_progress(quiet)
    )
    _write(format, found.rows(), [found.sentence], {"points": found.rows()})
    if figure:
        from reports.probe_figures import sharpness_figures

        _draw(sharpness_figures(found), figure)


@app.command("noise-scale")
def noise_scale(
    sweep: SweepFile,
    points: Points = 6,
    small: Annotated[int, typer.Option(min=1, help="Sequences of a small batch.")] = 4,
    parts: Annotated[int, typer.Option(min=2, help="Small batches in a large one.")] = 8,
    batches: Annotated[int, typer.Option(min=1, help="Large batches of a measurement.")] = 16,
    level: options.Level = 0.95,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Batch size at which a gradient's noise is as large as the gradient, along training.

    Trains every run of the sweep on one CPU core and measures on held-out sequences.

    scalelaw probe noise-scale noise_scale.toml
    """
    specs = _specs(sweep)
    from runners.probes.noise_scale import noise_scale_along

    found = noise_scale_along(
        specs, points=points, small=small, parts=parts, batches=batches, level=level, on_point=_progress(quiet)
    )
    _write(format, found.rows(), found.sentences, {"points": found.rows()})
    if figure:
        from reports.probe_figures import noise_scale_figures

        _draw(noise_scale_figures(found), figure)


@app.command("growth")
def growth(
    sweep: SweepFile,
    points: Points = 5,
    examples: Annotated[int, typer.Option(min=1, help="Held-out sequences that are looked at.")] = 32,
    limit: Annotated[float, typer.Option(min=0.0, help="Largest attention logit of a stable run.")] = 1e4,
    require: Annotated[
        bool, typer.Option("--require", help="Exit code 1 if a run passes the limit or diverges.")
    ] = False,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Do attention logits, output logits and the residual stream grow towards instability?

    Trains every run of the sweep on one CPU core. Over four sizes or more a quadratic in log N foretells the largest
    attention logit of the next size.

    scalelaw probe growth growth.toml --figure growth.svg
    """
    specs = _specs(sweep)
    from runners.probes.growth import growth_along
    from scalelaw.errors import ScalelawError

    found = growth_along(specs, points=points, examples=examples, limit=limit, on_point=_progress(quiet))
    fitted = [one.as_dict() for one in found.quadratics()]
    diverged = [spec.run_id for spec in found.diverged]
    about = {"limit": limit, "points": found.rows(), "quadratics": fitted, "diverged": diverged}
    _write(format, found.rows(), [found.sentence, *found.forecasts()], about)
    if figure:
        from reports.probe_figures import growth_figures

        _draw(growth_figures(found), figure)
    if require and (found.beyond or found.diverged):
        raise ScalelawError(f"{found.sentence} Next: a lower learning rate, a longer warm-up, or qk_norm = true.")


def _trials(runs: Sequence[Path], parametrizations: Sequence[str]) -> tuple[Trial, ...]:
    from runners.probes.trials import read_trials, select

    return select(read_trials(runs), parametrizations)


def _write_table(trials: Sequence[Trial], path: Path) -> None:
    import csv

    rows = [trial.as_row() for trial in trials]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    output.note(f"wrote {path}")


def _specs(path: Path) -> list[TrainSpec]:
    from scalelaw.errors import MissingExtraError

    try:
        from runners.sweeps import Sweep
    except ImportError:
        raise MissingExtraError("A probe that trains", "train") from None
    return list(Sweep.load(path).specs)


def _progress(quiet: bool) -> Callable[[Any], None]:
    return lambda point: output.note(f"{point.spec.run_id}: step {point.steps} of {point.spec.steps}", quiet)


def _write(
    format: options.Format, rows: Sequence[dict[str, Any]], sentences: Sequence[str], about: dict[str, Any]
) -> None:
    """The rows as a table with the verdict beneath, or as data; the table tells once what is the same in every row."""
    if format is options.Format.json:
        output.write_json({**about, "sentences": list(sentences)})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        same = {name: value for name, value in rows[0].items() if all(row[name] == value for row in rows[1:])}
        same = same if len(rows) > 1 else {}
        varied = [name for name in rows[0] if name not in same]
        cells = [[_cell(row[name]) for name in varied] for row in rows]
        typer.echo(output.aligned(cells, [name.replace("_", " ") for name in varied]) + "\n")
        same.pop("note", None)  # told below
        told = [f"{name.replace('_', ' ')} {_cell(value)}" for name, value in same.items() if value is not None]
        if told:
            typer.echo(f"in every row: {', '.join(told)}")
        typer.echo("\n".join(output.clean(sentence) for sentence in sentences))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return output.shown(value) if isinstance(value, int | float) else output.clean(str(value))


def _draw(figures: Sequence[Figure], path: Path) -> None:
    from reports.probe_figures import write_panels

    write_panels(figures, path)
    output.note(f"wrote {path}")
