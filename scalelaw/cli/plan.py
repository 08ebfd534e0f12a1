"""`scalelaw plan`: a budget, devices and days, or a loss to reach, to model size and tokens."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli import _plan_options as ask
from scalelaw.cli import _published as published

if TYPE_CHECKING:
    from runners.realising import Realised
    from scalelaw.planning import Plan


def _list_accelerators(format: options.Format) -> None:
    """The shipped table of accelerators; peaks in FLOP/s in JSON and CSV, in TFLOP/s where people read it."""
    from scalelaw.hardware import accelerators

    known: list[dict[str, Any]] = [
        {
            **{"name": one.name, "memory_gb": one.memory_gb},
            **{f"peak_{dtype}": one.peak.get(dtype) for dtype in ("bf16", "fp8", "fp32")},
            **{"usd_per_hour": None if isnan(one.price) else one.price, "peaks_from": one.source},
        }
        for one in accelerators().values()
    ]
    if format is options.Format.json:
        output.write_json({"accelerators": known})
    elif format is options.Format.csv:
        output.write_csv(known)
    else:
        rows = [
            [
                str(one["name"]),
                f"{one['memory_gb']:g}",
                *(
                    output.shown(peak / 1e12) if peak else "-"
                    for peak in (one["peak_bf16"], one["peak_fp8"], one["peak_fp32"])
                ),
                f"{one['usd_per_hour']:g}" if one["usd_per_hour"] else "-",
                str(one["peaks_from"]),
            ]
            for one in known
        ]
        typer.echo(output.aligned(rows, ["name", "GB", "bf16", "fp8", "fp32", "USD/h", "peaks from"]))
        typer.echo("\nPeaks are dense, in TFLOP/s. Prices are orders of magnitude, on demand in 2025: give --price.")


def plan(
    saved: options.SavedLaw = None,
    law: options.PublishedLaw = None,
    flops: options.Flops = None,
    times: options.Times = None,
    target_loss: ask.TargetLoss = None,
    n_params: ask.NParams = None,
    n_tokens: ask.NTokens = None,
    unique_tokens: ask.UniqueTokens = None,
    epochs: ask.Epochs = None,
    at: ask.At = None,
    gpus: ask.Gpus = None,
    days: ask.Days = None,
    mfu: ask.Mfu = None,
    dtype: ask.Dtype = "bf16",
    peak: ask.Peak = None,
    price: ask.Price = None,
    accelerator_file: ask.AcceleratorFile = None,
    step_times: ask.StepTimes = None,
    efficiency: ask.Efficiency = 1.0,
    serve: ask.Serve = None,
    serve_gpu: ask.ServeGpu = None,
    serve_mfu: ask.ServeMfu = None,
    serve_price: ask.ServePrice = None,
    approach: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            max=3,
            help="Show approach 1 (envelope) or 2 (isoflop) beside 3, the law; repeat.  "
            "[default: all, where all can be made]",
        ),
    ] = None,
    sweep: Annotated[
        Path | None,
        typer.Option("--sweep", metavar="FILE", help="Write the plan as a file that `scalelaw sweep run` accepts."),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option("--template", metavar="FILE", help="A sweep's file whose [base] says all else of the run."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over another sweep file.")] = False,
    accelerators: Annotated[
        bool, typer.Option("--accelerators", help="List the known devices, and nothing else.")
    ] = False,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Plan a training: parameters, tokens and loss, each with its interval, and what it costs to be wrong.

    scalelaw plan law.json --flops 1e21

    scalelaw plan law.json --gpus 512xH100 --days 30 --mfu 0.4 --price 2.5

    scalelaw plan law.json --target-loss 2.1 --serve 2T

    scalelaw plan --law hoffmann-2022 --flops 5.76e23

    scalelaw plan law.json --times 10 --sweep run.toml --template data/python/sweep.toml
    """
    if accelerators:
        _list_accelerators(format)
        return
    from scalelaw.cli._sweep_file import write_plan
    from scalelaw.errors import UsageError
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import goal_for
    from scalelaw.planning import plan as make_plan

    if sweep is None and (template is not None or force):
        raise UsageError("--template and --force belong to --sweep FILE.")
    name = published.asked(saved, law)
    fitted = load_fit(published.required(saved)) if name is None else None
    words = ask.question(
        fitted,
        flops=flops,
        times=times,
        target_loss=target_loss,
        n_params=n_params,
        n_tokens=n_tokens,
        unique_tokens=unique_tokens,
        epochs=epochs,
        at=at,
        gpus=gpus,
        days=days,
        mfu=mfu,
        dtype=dtype,
        peak=peak,
        price=price,
        accelerator_file=accelerator_file,
        step_times=step_times,
        efficiency=efficiency,
        serve=serve,
        serve_gpu=serve_gpu,
        serve_mfu=serve_mfu,
        serve_price=serve_price,
    )
    if fitted is None:
        if sweep is not None or approach:
            raise UsageError("--sweep and --approach need the runs of a saved fit; a published law has none.")
        published.write_plan(str(name), words, format)
        return
    goal_for(fitted.law, **words).check(fitted)  # before anything is resampled
    known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
    planned = make_plan(fitted, **words, approaches=approach, draws=known, level=level)
    found = None if sweep is None else write_plan(planned, template, sweep, force)
    _write(planned, found, level, format)
    if sweep is not None:
        output.note(f"{sweep}: next, scalelaw sweep plan {sweep}")


def _write(planned: Plan, found: tuple[Realised, ...] | None, level: float, format: options.Format) -> None:
    from scalelaw.cli._plan_output import as_json, csv_rows, write_table

    if format is options.Format.json:
        output.write_json({**as_json(planned), "realised": None if found is None else _realised(found)})
    elif format is options.Format.csv:
        output.write_csv(csv_rows(planned))
    else:
        write_table(planned, level)
        for run in _realised(found or ()):
            heads = f", {run['heads']} heads" if run["heads"] else ""
            typer.echo(f"\nrealised   {run['model']}, width {run['width']}, depth {run['depth']}{heads}")
            typer.echo(f"           N {run['n_params']:,} ({run['params_convention']}), D {run['n_tokens']:,}")
        for note in dict.fromkeys(note for run in found or () for note in run.notes):
            typer.echo(f"note: {note}")


def _realised(found: tuple[Realised, ...]) -> list[dict[str, Any]]:
    from scalelaw.cli._sweep_file import realised_rows

    return realised_rows(found) if found else []
