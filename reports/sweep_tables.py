"""What a sweep says in tables: how its runs stand, what they cost, and every one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from reports import checklist
from reports.base import Cell, Quantity, Rows, Table
from reports.sweep_runs import STATUSES, SweepRun, SweepRuns
from reports.wording import clip, count
from runners.probes.lr_transfer import Transfer

NAMED = 5
"""Runs that a row of the table of statuses names."""
MEANING = {
    "finished": "ended with a loss",
    "diverged": "ended without a loss; a lower learning rate may cure it",
    "out_of_memory": "ended without a loss; tried again when the sweep is run again",
    "running": "being trained now",
    "interrupted": "begun and not being trained; running the sweep again goes on with it",
    "waiting": "not begun",
    "left_out": "in the table, and left out: see the reasons below",
}
SPEC_COLUMNS = {
    "corpus": "corpus",
    "model": "model",
    "width": "width",
    "depth": "depth",
    "parametrization": "parametrization",
    "init_std": "init",
    "optimizer": "optimizer",
    "lr": "peak_lr",
    "schedule": "schedule",
    "warmup_share": "warmup_share",
    "batch_size": "batch_size",
    "context": "seq_len",
    "seed": "seed",
}
"""Fields of a spec and the quantity of the checklist that each is."""
_LOGGED = ("tokens", "flops", "train_loss", "val_loss")


def status_table(sweep: SweepRuns) -> Table:
    """How many runs stand how, with what they took."""
    rows = tuple(_status_row(status, runs) for status in STATUSES if (runs := sweep.of(status)))
    columns = ("status", "runs", "FLOP", "hours, one run after another", "tokens", "which", "meaning")
    caption = f"FLOPs are {sweep.flops_are}; hours are the runs' own clocks added up, wherever they ran."
    return Table("statuses", "How the runs stand, and what they cost", columns, (*rows, _total(sweep.runs)), caption)


def _status_row(status: str, runs: Sequence[SweepRun]) -> tuple[Cell, ...]:
    more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    named = "" if status == "finished" else ", ".join(clip(run.run_id) for run in runs[:NAMED]) + more
    return status.replace("_", " "), *_sums(runs), named, MEANING[status]


def _total(runs: Sequence[SweepRun]) -> tuple[Cell, ...]:
    return "in all", *_sums(runs), "", ""


def _sums(runs: Sequence[SweepRun]) -> tuple[Cell, ...]:
    flops, hours = sum(run.flops for run in runs), sum(run.wall_s for run in runs) / 3600.0
    tokens = sum(run.tokens for run in runs)
    return len(runs), Quantity(flops, "FLOP"), Quantity(hours) if hours else None, Quantity(tokens, "tokens")


def best_table(sweep: SweepRuns) -> Table | None:
    """The runs of least loss on each corpus; None where none has finished."""
    parts = {corpus: best for corpus, runs in sweep.by_corpus.items() if (best := least(runs)[:NAMED])}
    if not parts:
        return None
    columns = ("run", "corpus", "loss", "unit", "parameters", "tokens", "learning rate", "FLOP")
    rows = tuple(
        (
            *(clip(run.run_id), corpus or None, Quantity(run.loss), run.unit),
            *(_number(run.record.get("n_params"), "parameters"), _number(run.record.get("n_tokens"), "tokens")),
            *(_number(run.spec.get("lr")), Quantity(run.flops, "FLOP")),
        )
        for corpus, best in parts.items()
        for run in best
    )
    return Table("best", "Least loss", columns, rows)


def least(runs: Sequence[SweepRun]) -> list[SweepRun]:
    """The runs with a final loss, by that."""
    return sorted((run for run in runs if math.isfinite(run.loss)), key=lambda run: run.loss)


def _number(value: object, unit: str = "") -> Cell:
    return Quantity(float(value), unit) if isinstance(value, int | float) else None


def run_table(sweep: SweepRuns) -> Table:
    """Every run."""
    columns = (
        "run",
        "status",
        "width",
        "depth",
        "learning rate",
        "seed",
        "tokens planned",
        "share done, %",
        "loss",
        "seconds",
    )
    return Table("runs", "Every run", columns, tuple(map(_run_row, sweep.runs)))


def _run_row(run: SweepRun) -> tuple[Cell, ...]:
    planned = run.spec.get("n_tokens")
    share = 100.0 * run.tokens / planned if isinstance(planned, int | float) and planned else math.nan
    share = 100.0 if run.status == "finished" else share
    return (
        *(clip(run.run_id), run.status.replace("_", " ")),
        *(_whole(run.spec.get("width")), _whole(run.spec.get("depth"))),
        *(_number(run.spec.get("lr")), _whole(run.spec.get("seed")), _number(planned, "tokens")),
        *(Quantity(share), Quantity(run.loss), Quantity(run.wall_s) if run.wall_s else None),
    )


def _whole(value: object) -> Cell:
    return value if isinstance(value, int) else None


def transfer_table(found: Sequence[Transfer]) -> Table | None:
    """The best learning rate of every width; None where rates were not swept over widths."""
    rows: list[tuple[Cell, ...]] = []
    for transfer in found:
        for row in transfer.rows():
            low, high = row["log2_lr_low"], row["log2_lr_high"]
            ends = f"{low:.2f} to {high:.2f}".replace("-", "−") if low is not None and high is not None else None
            rows.append(
                (
                    *(str(row["family"]), int(row["width"]), _number(row["log2_lr"]), ends, _number(row["loss"])),
                    *(_number(row["best_lr_tried"]), _number(row["best_loss_tried"]), int(row["diverged"])),
                    str(row["note"]),
                )
            )
    if not rows:
        return None
    columns = (
        *("runs", "width", "best log2 rate", "95% interval", "loss there", "best rate tried", "loss of that"),
        *("diverged", "note"),
    )
    caption = (
        "A width's best rate is the minimum of a parabola around the best rate tried; intervals are jackknives over "
        "the seeds. What follows for transfer stands in the summary."
    )
    return Table("transfer", "Does the learning rate transfer?", columns, tuple(rows), caption)


def curve_rows(sweep: SweepRuns) -> tuple[Rows, ...]:
    """The curves that the figures draw, thinned, a row a point."""
    columns: dict[str, list[object]] = {name: [] for name in ("run_id", *_LOGGED)}
    for run in sweep.runs:
        points = len(run.curve.get("tokens", ()))
        columns["run_id"] += [run.run_id] * points
        for name in _LOGGED:
            columns[name] += run.curve[name].tolist() if points else []
    return (Rows("curves", columns),) if columns["run_id"] else ()


NOTHING = "nothing was fitted"
OF_ANY = {
    "form": "no law is fitted in this report",
    "objective": NOTHING,
    "start": NOTHING,
    "bounds": NOTHING,
    "intervals": "over seeds, by the jackknife, where rates were swept; otherwise none",
    "held_out": "no prediction is made",
}
"""What the checklist asks about a law, of which a sweep has none."""


def answers(sweep: SweepRuns) -> Mapping[str, str]:
    """What the runs answer of the reporting checklist."""
    return {**(sweep.answers or _of_store(sweep)), **OF_ANY}


def _of_store(sweep: SweepRuns) -> Mapping[str, str]:
    """What the runners' own store answers: its way of counting, and the specs."""
    fields = {what: [run.spec[name] for run in sweep.runs if name in run.spec] for name, what in SPEC_COLUMNS.items()}
    groups = {str(run.record.get("group", run.run_id)) for run in sweep.runs}
    without = len(sweep.of("diverged", "out_of_memory", "interrupted"))
    units = {str(run.record["loss_unit"]) for run in sweep.of("finished") if run.record.get("loss_unit")}
    repeated = any(run.spec.get("unique_tokens") for run in sweep.runs)
    return {
        "runs": f"{count(len(sweep.runs), 'run')} in {count(len(groups), 'configuration')}",
        "params": "all: every trained parameter, embeddings included",
        "tokens": f"all tokens trained on; {'some are repeated' if repeated else 'none is repeated'} by the sweep",
        "flops": "exact: every matrix product, forward and backward",
        "checkpoints": "final losses of finished runs; curves show those along the way",
        "loss": f"{', '.join(sorted(units)) or 'not known before a run has finished'}, on the validation split",
        "excluded": f"{count(without, 'run')} without a final loss, listed with how it ended" if without else "none",
        **checklist.of_columns({name: values for name, values in fields.items() if values}),
    }
