"""`scalelaw sweep`: plan, run and follow a sweep of training runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output
from scalelaw.cli._sweep_file import load_sweep

if TYPE_CHECKING:
    from runners.spec import TrainSpec
    from runners.store import RunStore
    from runners.sweeps import Sweep
    from runners.workers import Event

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Plan, run and follow a sweep of training runs.")

SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP", help="The sweep's TOML file.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Store = Annotated[Path, typer.Option(help="The folder the runs are written to.")]


@app.command("plan")
def plan(
    sweep: SweepFile,
    workers: options.Workers = 1,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a few steps of every shape here, instead of a rough figure.")
    ] = False,
    device: Device = "auto",
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Show every run with its counts and estimated time, and train nothing.

    A branch costs its cool-down alone; the trunk it leaves is listed once, as far as it is needed.

    scalelaw sweep plan ladder.toml --workers 2 --measure
    """
    loaded = load_sweep(sweep)
    from runners.branches import tasks
    from runners.sweeps import cost, estimate

    seconds_per_step = _measured(loaded, device) if measure else {}
    rows: list[dict[str, Any]] = []
    for task in tasks(loaded.largest_first()):
        counts, spent = estimate(task.spec), cost(task)
        seconds = seconds_per_step[_shape(task.spec)] * (task.last - task.first) if measure else spent.seconds
        rows.append(
            {
                "run_id": task.name,
                "n_params": counts.n_params,
                "n_params_non_embedding": counts.n_params_non_embedding,
                "n_tokens": task.last * task.spec.tokens_per_step,
                "flops": spent.flops,
                "hours": seconds / 3600,
            }
        )
    total = {"flops": sum(row["flops"] for row in rows), "hours": sum(row["hours"] for row in rows) / workers}
    if format is options.Format.json:
        output.write_json({"name": loaded.name, "runs": rows, "total": total, "workers": workers})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        cells = [
            [row["run_id"], *(output.shown(row[k], 3) for k in list(row)[1:-1]), output.duration(3600 * row["hours"])]
            for row in rows
        ]
        typer.echo(output.aligned(cells, ["run", "N", "N without emb.", "tokens", "FLOP", "time"]))
        took = f"with {workers} worker{'s' * (workers > 1)} as timed here, without validation"
        typer.echo(
            f"\n{_counted(loaded, rows)}, {output.shown(total['flops'], 3)} FLOP, "
            f"about {output.duration(3600 * total['hours'])} {took if measure else _rough(workers)}; counts are exact"
        )


def _rough(workers: int) -> str:
    return f"on {workers} CPU core{'s' * (workers > 1)}, a rough figure that --measure replaces"


def _shape(spec: TrainSpec) -> TrainSpec:
    """What the time of a step depends on: everything but how many there are, and the seed."""
    from dataclasses import replace

    return replace(spec, n_tokens=spec.tokens_per_step, trunk_tokens=0, seed=0, lr=1.0, weight_decay=0.0)


def _measured(sweep: Sweep, device: str) -> dict[TrainSpec, float]:
    """Seconds a step of every shape, timed once each."""
    from runners.branches import tasks
    from runners.timing import seconds_per_step

    return {shape: seconds_per_step(shape, device) for shape in {_shape(task.spec) for task in tasks(sweep.specs)}}


def _counted(sweep: Sweep, rows: list[dict[str, Any]]) -> str:
    runs, trunks = len(sweep.specs), len(rows) - len(sweep.specs)
    return f"{runs} run{'s' * (runs != 1)}" + (
        f" and {trunks} trunk{'s' * (trunks > 1)} that they branch from" if trunks else ""
    )


@app.command("run")
def run(
    sweep: SweepFile,
    store: Store = Path("runs"),
    workers: options.Workers = 1,
    device: Device = "auto",
    batch: Annotated[
        str, typer.Option(help="Runs of one shape train as one stack: auto (where it pays), off, or so many.")
    ] = "auto",
    limit: Annotated[int | None, typer.Option(min=0, help="Train at most so many runs, the cheapest.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as `sweep plan`.")] = False,
    table: Annotated[Path | None, typer.Option(help="Write the finished runs to this CSV file.")] = None,
    checkpoint_s: Annotated[
        float, typer.Option("--checkpoint-s", min=0, help="Wall seconds between checkpoints: the most a crash costs.")
    ] = 60.0,
    sink: Annotated[
        list[str] | None, typer.Option(help="Copy every run's log there too: tensorboard, wandb; may be repeated.")
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Only operations that repeat to the bit, also on an accelerator.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Train what is not finished yet; run it again after an interruption and it goes on where it was.

    Ctrl-C, and the signals that schedulers send, stop it saved; the exit code is 128 + the signal.

    scalelaw sweep run ladder.toml --workers 2 --table ladder.csv
    """
    loaded = load_sweep(sweep)
    if dry_run:
        plan(sweep, workers, device=device)
        return
    from runners.options import RunOptions
    from runners.store import RunStore
    from runners.workers import run_sweep
    from scalelaw.cli._progress import SweepProgress
    from scalelaw.errors import ScalelawError

    if table:
        table.parent.mkdir(parents=True, exist_ok=True)  # before anything is trained for it
    target = RunStore(store / loaded.name)
    how = RunOptions(checkpoint_s=checkpoint_s, sinks=tuple(sink or ()), deterministic=deterministic)
    with SweepProgress(loaded, target, quiet) as progress:
        failures = run_sweep(
            loaded,
            target,
            workers=workers,
            device=device,
            limit=limit,
            batch=batch,
            on_event=progress.on_event,
            options=how,
        )
    _note_exceptions(loaded, target, quiet)
    typer.echo(str(target.path))
    if table:
        from scalelaw.readers import read_runs, write_runs

        write_runs(read_runs(target.path), table)
        typer.echo(str(table))
    if failures:
        raise ScalelawError(f"{_causes(failures)}. Next: mend the cause and run the sweep again.")


def _causes(failures: list[Event]) -> str:
    """What went wrong, each cause once, with how many runs it stopped and one of them."""
    by_cause: dict[str, list[str]] = {}
    for event in failures:
        by_cause.setdefault(event.message, []).append(event.run_id)
    counted = (f"{len(runs)} (such as {runs[0]}): {cause}" for cause, runs in by_cause.items())
    return output.clean(f"{len(failures)} run{'s' * (len(failures) > 1)} failed: " + "; ".join(counted))


def _note_exceptions(sweep: Sweep, store: RunStore, quiet: bool) -> None:
    """Runs that ended without a loss, or that another launcher trains."""
    from runners.sweeps import status

    states = status(sweep, store)
    for state in ("diverged", "out_of_memory", "running"):
        runs = [run_id for run_id, found in states.items() if found == state]
        if runs:
            output.note(f"{len(runs)} {state}: {', '.join(runs)}", quiet)


@app.command("status")
def status(
    sweep: SweepFile,
    store: Store = Path("runs"),
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Show which runs are finished, diverged, out of memory, running, interrupted or waiting.

    scalelaw sweep status ladder.toml --store runs
    """
    loaded = load_sweep(sweep)
    from runners.store import RunStore
    from runners.sweeps import status as states_of

    target = RunStore(store / loaded.name)
    rows: list[dict[str, Any]] = []
    for run_id, state in states_of(loaded, target).items():
        record = target.done(run_id) or {}
        fields = {name: record.get(name) for name in ("loss", "loss_unit", "wall_s")}
        rows.append({"run_id": run_id, "status": state, **fields})
    if format is options.Format.json:
        output.write_json({"name": loaded.name, "runs": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        cells = [[str(r["run_id"]), str(r["status"]), _blank(r["loss"]), _blank(r["wall_s"])] for r in rows]
        units = {str(row["loss_unit"]) for row in rows if row["loss_unit"]}
        typer.echo(output.aligned(cells, ["run", "status", ", ".join(["loss", *sorted(units)]), "seconds"]))


def _blank(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
