"""The runs of a sweep as their store holds them: what each is, how it stands, what it cost and how it learned.

Read without torch; nothing is written and no lease is taken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import checklist
from runners.leases import is_held
from runners.store import RunStore
from scalelaw.checks import _columns
from scalelaw.errors import DataError
from scalelaw.runs import Exclusion, RunTable

STATUSES = ("finished", "diverged", "out_of_memory", "running", "interrupted", "waiting", "left_out")
SETTLED = ("finished", "diverged", "out_of_memory", "left_out")
"""How a run can end; `left_out` is one that its table left out, whatever became of it."""
LOGGED = ("tokens", "flops", "wall_s", "train_loss", "val_loss")
SETTINGS = {
    "corpus": "corpus",
    "parametrization": "parametrization",
    "width": "width",
    "depth": "depth",
    "lr": "peak_lr",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "warmup_share": "warmup_share",
    "batch_size": "batch_size",
    "context": "seq_len",
    "seed": "seed",
}
"""What a table's columns may say of a spec: its fields, and the quantities whose usual names are looked for."""
POINTS = 200
"""Points of a learning curve that are kept, evenly spread over the logarithm of the tokens."""


@dataclass(frozen=True)
class SweepRun:
    """One run.

    Attributes:
        run_id: its name.
        status: one of `STATUSES`.
        spec: the fields of its `TrainSpec`, seen as plain data; empty where they were not written down.
        record: what `done.json` says, empty until there is one.
        curve: the logged quantities of `LOGGED` by name, `[points]`, NaN where a line has none.
    """

    run_id: str
    status: str
    spec: Mapping[str, Any]
    record: Mapping[str, Any] = field(default_factory=dict)
    curve: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def loss(self) -> float:
        """The final loss; NaN for a run without one."""
        return self._number("loss") if self.status == "finished" else math.nan

    @property
    def tokens(self) -> float:
        """Tokens trained on so far."""
        return self._reached("n_tokens", "tokens")

    @property
    def flops(self) -> float:
        """FLOPs spent so far, as the store counts them: every matrix product."""
        return self._reached("flops", "flops")

    @property
    def wall_s(self) -> float:
        """Seconds spent so far."""
        return self._reached("wall_s", "wall_s")

    @property
    def unit(self) -> str:
        """Of its losses; what trains on text logs nats per token."""
        return str(self.record.get("loss_unit") or "nats/token")

    @property
    def corpus(self) -> str:
        """What it was trained on, whose losses can be compared; empty where that is not known."""
        return str(self.spec.get("corpus") or "")

    def _reached(self, recorded: str, logged: str) -> float:
        value = self._number(recorded)
        values = self.curve.get(logged, np.array([]))
        return value if math.isfinite(value) else float(values[np.isfinite(values)].max(initial=0.0))

    def _number(self, name: str) -> float:
        value = self.record.get(name)
        return float(value) if isinstance(value, int | float) else math.nan


@dataclass(frozen=True)
class SweepRuns:
    """A sweep's runs in the order of their names.

    Attributes:
        name: the sweep's. path: its store.
        runs: the runs, those that wait to be begun included where the sweep's own file named them.
        made_by: versions and commits that trained them, each once.
        flops_are: how their FLOPs were counted.
        answers: what else is known of the reporting checklist; empty for a store, which counts in its own way.
        excluded: what a table left out, and why.
    """

    name: str
    path: Path
    runs: tuple[SweepRun, ...]
    made_by: Mapping[str, str] = field(default_factory=dict)
    flops_are: str = "those of every matrix product"
    answers: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[Exclusion, ...] = ()

    def of(self, *statuses: str) -> tuple[SweepRun, ...]:
        """The runs of these statuses."""
        return tuple(run for run in self.runs if run.status in statuses)

    @property
    def by_corpus(self) -> dict[str, tuple[SweepRun, ...]]:
        """The runs of each corpus: losses on one are no measure of those on another."""
        found: dict[str, list[SweepRun]] = {}
        for run in self.runs:
            found.setdefault(run.corpus, []).append(run)
        return {corpus: tuple(runs) for corpus, runs in sorted(found.items())}

    @property
    def settled(self) -> bool:
        """Whether every run has ended."""
        return len(self.of(*SETTLED)) == len(self.runs)


def read_sweep(store: str | Path, name: str = "", specs: Mapping[str, Mapping[str, Any]] | None = None) -> SweepRuns:
    """The runs of a store.

    Args:
        specs: the fields of every run of the sweep by run id, so that those that wait are known too; without them the
            runs are those of the store that were begun.

    Raises:
        DataError: `E_EMPTY` for a folder without runs, where no `specs` are given.
    """
    path = Path(store)
    found = RunStore(path)
    begun = {item.parent.name for item in path.glob("*/spec.json")}
    if not begun and not specs:
        remedy = "name a folder that holds <run_id>/spec.json, or the sweep's TOML file"
        raise DataError("E_EMPTY", "the directory is not a run store", file=path, remedy=remedy)
    names = sorted(specs) if specs else sorted(begun)
    descriptions = {run_id: said for run_id in names if run_id in begun and (said := _description(found, run_id))}
    runs = tuple(_run(found, run_id, descriptions.get(run_id, {}), (specs or {}).get(run_id, {})) for run_id in names)
    return SweepRuns(name or path.resolve().name, path, runs, _made_by(descriptions))


def sweep_of(runs: RunTable, name: str) -> SweepRuns:
    """The runs of a table as a sweep: several rows of one run are its curve, the last of them its final loss.

    Of runs that the table left out, those that diverged are known as such.
    """
    rows: dict[str, list[int]] = {}
    for i, run_id in enumerate(runs.run_id):
        rows.setdefault(run_id, []).append(i)
    found = [_of_rows(runs, sorted(places, key=lambda i: runs.n_tokens[i])) for places in rows.values()]
    lost = {one.run_id: one.reason.lower() for one in runs.excluded if one.run_id not in rows}
    found += [SweepRun(name, "diverged" if "diverged" in why else "left_out", {}) for name, why in lost.items()]
    counted = f"those of the table, by the convention {runs.conventions.flops}"
    path = Path(runs.named_files or name)
    answers = checklist.of_runs(runs)
    return SweepRuns(name, path, tuple(found), flops_are=counted, answers=answers, excluded=runs.excluded)


def _of_rows(runs: RunTable, rows: list[int]) -> SweepRun:
    last = rows[-1]
    found = {name: _columns.column(runs, what) for name, what in SETTINGS.items()}
    spec = {name: _scalar(cells[1][last]) for name, cells in found.items() if cells is not None}
    spec["n_tokens"] = float(runs.n_tokens[last])
    numbers = {column: float(getattr(runs, column)[last]) for column in ("n_params", "n_tokens", "flops", "loss")}
    record: dict[str, Any] = {**numbers, "group": runs.group[last], "loss_unit": "nats/token"}
    record["wall_s"] = _scalar(runs.extras["wall_s"][last]) if "wall_s" in runs.extras else None
    known = {"tokens": runs.n_tokens[rows], "flops": runs.flops[rows], "val_loss": runs.loss[rows]}
    nothing = np.full(len(rows), math.nan)
    curve = {name: known.get(name, nothing) for name in LOGGED} if len(rows) > 1 else {}
    return SweepRun(runs.run_id[last], "finished", spec, record, curve)


def _scalar(cell: Any) -> Any:
    """A cell as plain data; a number that is whole is a whole number."""
    value = cell.item() if isinstance(cell, np.generic) else cell
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _description(store: RunStore, run_id: str) -> Mapping[str, Any]:
    """What `spec.json` says; empty where a run is being begun again at this moment, which takes the file away."""
    try:
        return store.description(run_id)
    except DataError as error:
        if error.code != "E_SPEC":
            raise
        return {}


def _run(store: RunStore, run_id: str, description: Mapping[str, Any], spec: Mapping[str, Any]) -> SweepRun:
    if not description:
        return SweepRun(run_id, "waiting", spec)
    record = store.done(run_id) or {}
    ended = str(record.get("status", "")) or "interrupted"
    status = "running" if is_held(store.lease(run_id)) else ended
    curve = _curve(store.folder(run_id) / "metrics.jsonl")
    written = description.get("spec", {})
    return SweepRun(run_id, status, spec or (written if isinstance(written, Mapping) else {}), record, curve)


def _curve(log: Path) -> dict[str, NDArray[np.float64]]:
    """The log's lines as columns, thinned; the torn last line of a killed run is passed over."""
    try:
        lines = log.read_bytes().splitlines()
    except OSError:
        return {}
    rows = [row for line in lines if (row := _row(line))]
    if not rows:
        return {}
    table = np.array([[_plain(row.get(name)) for name in LOGGED] for row in rows])
    table = table[np.argsort(table[:, 0], kind="stable")]
    kept = table[_spread(table[:, 0], ~np.isnan(table[:, LOGGED.index("val_loss")]))]
    return {name: kept[:, k] for k, name in enumerate(LOGGED)}


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _plain(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _spread(tokens: NDArray[np.float64], always: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of at most `POINTS` rows, evenly spread over ln tokens, and of those that are always kept."""
    if len(tokens) <= POINTS:
        return np.arange(len(tokens))
    wanted = np.geomspace(max(tokens[0], 1.0), max(tokens[-1], 1.0), POINTS)
    places = np.clip(np.searchsorted(tokens, wanted), 0, len(tokens) - 1)
    return np.unique(np.concatenate([places, np.flatnonzero(always)]))


def _made_by(descriptions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What trained the runs, as the specs record it: several values where it changed on the way."""
    found: dict[str, dict[str, None]] = {}
    for description in descriptions.values():
        commit = description.get("commit")
        said = {**(description.get("versions") or {}), "device": description.get("device")}
        if isinstance(commit, Mapping):
            said["commit"] = f"{str(commit.get('sha'))[:12]}{' with changes' if commit.get('dirty') else ''}"
        for name, value in said.items():
            if value:
                found.setdefault(f"trained with {name}" if name != "device" else "trained on", {})[str(value)] = None
    return {name: ", ".join(values) for name, values in found.items()}
