"""`scalelaw forecast`: the loss a running job will end with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.forecasting import Curve, Forecast


def forecast(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's log so far: step, learning rate and loss.")],
    fitted_on: Annotated[
        list[Path] | None,
        typer.Option(help="A log of other runs of this model and data, under other schedules or longer. Repeat."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="SHAPE|FILE", help="constant, linear, cosine or exponential to the end; or a file: step, lr."
        ),
    ] = None,
    steps: Annotated[
        float | None, typer.Option(parser=options.number, metavar="STEPS", help="The step at which the run will end.")
    ] = None,
    final_lr: Annotated[float, typer.Option(min=0.0, help="The learning rate at the end.")] = 0.0,
    decay_from: Annotated[
        float | None,
        typer.Option(
            parser=options.number, metavar="STEP", help="Where the decay begins.  [default: the last step at the peak]"
        ),
    ] = None,
    loss: Annotated[str | None, typer.Option(metavar="COLUMN", help="The loss to forecast.")] = None,
    step: Annotated[str | None, typer.Option(metavar="COLUMN", help="The step.  [default: step]")] = None,
    lr: Annotated[str | None, typer.Option(metavar="COLUMN", help="The learning rate.  [default: lr]")] = None,
    warmup: Annotated[
        int | None, typer.Option(min=1, help="Steps of a linear warm-up.  [default: up to the first logged point]")
    ] = None,
    law: Annotated[
        list[str] | None, typer.Option(help="multi_power or tissue; repeat.  [default: the mean of both]")
    ] = None,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    format: options.OutputFormat = options.Format.table,
    quiet: options.Quiet = False,
) -> None:
    """Forecast the final loss of a running job from its curve and the rest of its schedule.

    Two laws of the learning-rate schedule are fitted to the run's points and to curves of the same model under other
    schedules; without those, to the run alone. The interval rests on forecasts of losses that are known.

    scalelaw forecast run.csv --fitted-on cosine.csv --fitted-on step.csv --schedule linear --steps 24k --final-lr 3e-5
    """
    from scalelaw.errors import UsageError
    from scalelaw.forecasting import LAWS, read_curves
    from scalelaw.forecasting import forecast as foretell

    columns = {"loss": loss, "step": step, "lr": lr}
    curves, notes = read_curves([run], **columns, warmup=warmup)
    if len(curves) != 1:
        raise UsageError(
            f"{run} holds {len(curves)} runs and one is forecast at a time. Next: name the file or folder of one run."
        )
    others, more = read_curves(fitted_on, **columns, warmup=warmup) if fitted_on else ((), ())
    # That a run has one name, and that its rate has not fallen yet, is what is asked about here.
    for item in (item for item in (*notes, *more) if item.code not in ("I_ONE_RUN", "W_LR_NOT_DECAYED")):
        output.note(f"note: {item.message} [{item.code}]", quiet)
    ahead = _ahead(curves[0], schedule, steps, final_lr, decay_from)
    found = foretell(ahead, others, laws=tuple(law) if law else LAWS, level=level, seed=seed)
    rows: list[dict[str, object]] = [
        {
            "forecast of": trial.curve,
            "kind": trial.kind,
            "made at step": trial.at,
            "for step": trial.of,
            "error": trial.error,
        }
        for trial in found.trials
    ]
    if format is options.Format.json:
        output.write_json({"loss": found.loss.as_dict(), "by_law": found.by_law, "trials": rows})
    elif format is options.Format.csv:
        output.write_csv([found.loss.as_dict()])
    else:
        _write(found, rows, level)


def _ahead(curve: Curve, schedule: str | None, steps: float | None, final_lr: float, decay_from: float | None) -> Curve:
    """The run with its schedule's rest, or as it is where none was told."""
    from scalelaw.errors import UsageError
    from scalelaw.forecasting import SHAPES, Rest, continued, continued_as, read_schedule

    if schedule is None and steps is None:
        return curve
    if schedule is not None and schedule not in SHAPES:
        return continued_as(curve, *read_schedule(Path(schedule)))
    if schedule is None or steps is None:
        raise UsageError(
            "The rest of a schedule is a shape and a last step. Next: give both, such as "
            "--schedule linear --steps 24000, or --schedule FILE with the columns step and lr."
        )
    begin = None if decay_from is None else int(decay_from)
    return continued(curve, Rest(schedule, int(steps), final_lr, begin))


def _write(found: Forecast, rows: list[dict[str, object]], level: float) -> None:
    curve = found.curve
    from scalelaw.results import Interval

    estimate, ends = output.shown_interval(found.loss, 5)
    laws = [[name, output.shown(value, 5), "", "nats/token"] for name, value in found.by_law.items()]
    header = [f"{curve.name} at step {curve.steps:,}", "loss", f"{100 * level:g} %", "unit"]
    if not isinstance(found.loss, Interval):
        estimate = output.shown(float(found.path([curve.steps])[0]), 5)
    typer.echo(output.aligned([["a new point (prediction)", estimate, ends, "nats/token"], *laws], header))
    now = f"now: step {curve.last:,}, loss {output.shown(float(curve.loss[-1]), 5)} nats/token"
    typer.echo(f"\n{now}, learning rate {curve.rates[curve.last - 1]:.3g}; at the end {curve.rates[-1]:.3g}")
    if isinstance(found.loss, Interval):
        output.wrapped(f"interval  {found.loss.method}", "          ")
        output.wrapped(f"measured  {found.loss.note}", "          ")
    if rows:
        cells = [
            [str(trial.curve), trial.kind, f"{trial.at:,}", f"{trial.of:,}", f"{100 * trial.error:+.2f} %"]
            for trial in found.trials
        ]
        header = ["forecasts of known losses", "kind", "made at step", "for step", "error"]
        typer.echo("\n" + output.aligned(cells, header))
