"""Reading how long steps took: from a run store, or from a run table with a column of seconds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from scalelaw.errors import DataError
from scalelaw.planning.step_times import StepLog, activations_per_token
from scalelaw.runs import Floats

SECONDS = ("step_s", "step_time_s", "seconds_per_step", "time_per_step")
WALL = ("wall_s", "device_s", "wall_time", "wall_time_s", "train_runtime", "runtime", "_runtime", "duration_s")
STEPS = ("steps", "step", "global_step", "_step", "max_steps")
DEVICES = ("devices", "gpus", "n_gpus", "world_size")
HEAD_DIM = 64
"""The size of a head where none is logged."""

Columns = Mapping[str, Sequence[Any]]


def read_step_log(path: Path, convention: str = "all") -> StepLog:
    """The steps of a run store, or of any table `read_runs` reads; `convention` is how the law that plans counts N.

    Needed: parameters, tokens, and either seconds a step (`step_s`) or seconds a run (`wall_s`) with its steps. Used
    where they are: `width`, `depth`, `ff_width`, `heads` or `head_dim`, `context`, `vocab`, and `gpus` or `devices`,
    over which the batch is split evenly.

    Raises:
        DataError: where such a column is missing, a cell is no positive number, or N is counted in another way.
    """
    stored = path.is_dir() and any(path.glob("*/done.json"))
    columns = _of_store(path, convention) if stored else _of_table(path, convention)
    n_params, n_tokens = (_numbers(columns, (name,), path) for name in ("n_params", "n_tokens"))
    steps = _optional(columns, STEPS, path)
    seconds = _optional(columns, SECONDS, path)
    if steps is None and {"batch_size", "context"} <= set(columns):
        steps = n_tokens / (_numbers(columns, ("batch_size",), path) * _numbers(columns, ("context",), path))
    if steps is None:
        steps = _numbers(columns, STEPS, path)
    if seconds is None:
        seconds = _numbers(columns, WALL, path) / steps
    devices = _optional(columns, DEVICES, path)
    tokens = n_tokens / steps / (1.0 if devices is None else devices)
    return StepLog(seconds, n_params, tokens, _activations(columns, len(seconds), path), str(path))


def _of_store(path: Path, convention: str) -> Columns:
    """Finished runs; one that was trained together with others is left out, since their time is not its own."""
    records = []
    for done in sorted(path.glob("*/done.json")):
        record = json.loads(done.read_text(encoding="utf-8"))
        spec = json.loads((done.parent / "spec.json").read_text(encoding="utf-8"))
        attempts = [spec, *spec.get("attempts", [])]
        if record.get("status") == "finished" and all(int(a.get("stacked", 1) or 1) == 1 for a in attempts):
            records.append({**spec.get("spec", {}), **record})
    if not records:
        raise DataError("E_NO_ROWS", "no run finished that was trained by itself, so no step has a time", file=path)
    columns = {name: [record.get(name) for record in records] for name in records[0]}
    counted = {"all": "n_params", "non_embedding": "n_params_non_embedding"}.get(convention, "")
    if counted not in columns:
        _refuse_convention(path, "all", convention)
    return {**columns, "n_params": columns[counted]}


def _of_table(path: Path, convention: str) -> Columns:
    from scalelaw.readers import read_runs

    table = read_runs(path)
    counted = table.n_params
    if table.conventions.params != convention:
        counted = table.n_params_non_embedding
        if convention != "non_embedding" or np.isnan(counted).any():
            _refuse_convention(path, table.conventions.params, convention)
    return {"n_params": counted.tolist(), "n_tokens": table.n_tokens.tolist(), **table.extras}


def _refuse_convention(path: Path, found: str, wanted: str) -> NoReturn:
    raise DataError(
        "E_CONVENTION",
        f"the timed runs count N as {found} and the law as {wanted}, so that its sizes have no step time",
        file=path,
        column="n_params",
        remedy=f"log the {wanted} count beside it, or time the runs the law was fitted to",
    )


def _optional(columns: Columns, names: Sequence[str], path: Path) -> Floats | None:
    return _numbers(columns, names, path) if any(name in columns for name in names) else None


def _numbers(columns: Columns, names: Sequence[str], path: Path) -> Floats:
    """The first of these columns that is there, as positive numbers."""
    name = next((name for name in names if name in columns), None)
    if name is None:
        raise DataError(
            "E_MISSING_COLUMN",
            f"step times need one of the columns {', '.join(names)}; found {', '.join(columns)}",
            file=path,
            column=names[0],
            remedy="log seconds and steps of every run, or give --gpus and --mfu instead",
        )
    values = [_number(cell) for cell in columns[name]]
    for cell, value in zip(columns[name], values, strict=True):
        if not (math.isfinite(value) and value > 0):
            raise DataError("E_NOT_POSITIVE", "a positive number was expected", file=path, column=name, value=cell)
    return np.array(values)


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


def _activations(columns: Columns, n: int, path: Path) -> Floats:
    """Elements a token by the logged shapes; NaN where width and depth are not logged."""
    if not {"width", "depth"} <= set(columns) or columns.get("model", ["transformer"])[0] != "transformer":
        return np.full(n, np.nan)
    width, depth = (_numbers(columns, (name,), path) for name in ("width", "depth"))
    ff_width, ff_ratio = (_optional(columns, (name,), path) for name in ("ff_width", "ff_ratio"))
    head_dim = _optional(columns, ("head_dim",), path)
    heads = _optional(columns, ("heads", "n_heads"), path)
    context, vocab = _optional(columns, ("context",), path), _optional(columns, ("vocab", "vocab_size"), path)
    if heads is None:
        heads = np.maximum(width / (np.full(n, HEAD_DIM) if head_dim is None else head_dim), 1.0)
    if ff_width is None:
        ff_width = width * (4.0 if ff_ratio is None else ff_ratio)
    none = np.zeros(n)
    return activations_per_token(
        width,
        depth,
        ff_width,
        heads,
        none if context is None else context,
        none if vocab is None else vocab,
    )
