"""A run as a tracker kept it, and many of them as rows."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader, Repeated
from scalelaw.readers.products import ORDER, STEPS, usual_name
from scalelaw.readers.redacting import redacted
from scalelaw.runs import Exclusion, Note, Source

FINISHED = ("", "finished", "completed", "success", "closed", "published")
"""States of a run that ended as it should, the last two in ClearML's words; one that tells no state is believed."""
SHOWN = 3
"""Runs that a message lists."""


@dataclass(frozen=True)
class Log:
    """One run: what holds for the whole of it, and what was logged step by step.

    `config` and `points` are flat: nested keys are joined with a slash. A point's `step` is its step, as the tracker
    counts it; `lines`, where the format has lines, says where each point lies. `state` is the tracker's word for how
    the run ended, in lower case. `id` is the tracker's own name for it, which tells runs of one `name` apart.
    """

    name: str
    config: Mapping[str, Any]
    points: Sequence[Mapping[str, Any]]
    file: str
    lines: Sequence[int] = ()
    state: str = ""
    id: str = ""


@dataclass(frozen=True)
class Logs:
    """The runs of a source, with the digests of its files, what was noticed, and the runs that cannot be used."""

    runs: Sequence[Log]
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()
    excluded: tuple[Exclusion, ...] = ()


class LogReader(Reader):
    """A tracker's format: `logs` gives its runs; a row is a point with the run's configuration beside it."""

    @abstractmethod
    def logs(self, path: Path, manner: Manner) -> Logs:
        """The runs of a file or folder; `DataError` where it cannot be read whole."""

    def read(self, path: Path, manner: Manner) -> Cells:
        """A row for every point of every run."""
        return log_cells(path, self.logs(path, manner))


def log_cells(path: Path, logs: Logs) -> Cells:
    """Points as rows: `run_id`, `state`, what was logged, and the configuration.

    Where both hold a name, the one of the configuration is `config/NAME`. A run without a point is an exclusion. Where
    no point tells a step, `ORDER` counts them. Raises `DataError` E_NO_ROWS where no run is left.
    """
    told = [replace(log, config=redacted(log.config)) for log in _named_apart(log for log in logs.runs if log.points)]
    empty = (Exclusion(log.name, "nothing was logged", log.file) for log in logs.runs if not log.points)
    excluded = (*logs.excluded, *empty)
    if not told:
        reasons = "; ".join(f"{item.run_id}: {item.reason}" for item in excluded[:SHOWN])
        problem = f"no run is left of {len(excluded)} ({reasons})" if excluded else "no run in it"
        raise DataError("E_NO_ROWS", problem, file=path, remedy="check what wrote it")
    logged = dict.fromkeys(name for log in told for point in log.points for name in point)
    own = {"run_id": "config/run_id", **{name: f"config/{name}" for name in (*logged, "state")}}
    configured = dict.fromkeys(name for log in told for name in log.config)
    columns: dict[str, Sequence[Any]] = {"run_id": [log.name for log in told for _ in log.points]}
    if any(log.state for log in told):
        columns["state"] = [log.state for log in told for _ in log.points]
    columns |= {name: [point.get(name) for log in told for point in log.points] for name in logged if name != "run_id"}
    run = np.repeat(np.arange(len(told)), [len(log.points) for log in told])
    columns |= {own.get(name, name): Repeated([log.config.get(name) for log in told], run) for name in configured}
    lines = [line for log in told for line in (log.lines or [0] * len(log.points))]
    cells = Cells(
        path=str(path),
        columns=columns,
        file=tuple(log.file for log in told for _ in log.points),
        line=np.array(lines, dtype=np.int64),
        sources=logs.sources,
        notes=logs.notes,
        excluded=excluded,
        logged=True,
    )
    return cells if usual_name(logged, STEPS) else _in_order(cells, told)


def _in_order(cells: Cells, told: Sequence[Log]) -> Cells:
    """The points counted from 1 in each run, as the log has them."""
    counts = [number for log in told for number in range(1, len(log.points) + 1)]
    note = Note("I_ORDER", f"no step was logged; points follow one another as they do in the log ({ORDER})")
    return replace(cells.with_columns({ORDER: counts}), notes=(*cells.notes, note))


def _named_apart(logs: Iterable[Log]) -> list[Log]:
    """The runs, those of one name with their id, or their number, added to it."""
    logs = list(logs)
    count = Counter(log.name for log in logs)
    seen: Counter[str] = Counter()
    apart = []
    for log in logs:
        seen[log.name] += 1
        mark = log.id or str(seen[log.name])
        apart.append(replace(log, name=f"{log.name} ({mark})") if count[log.name] > 1 else log)
    return apart


def stem(path: Path) -> str:
    """A run's name where only its file has one.

    >>> stem(Path("logs/lr0.001.jsonl")), stem(Path("run.log.gz")), stem(Path("slurm-17"))
    ('lr0.001', 'run', 'slurm-17')
    """
    return Path(path.name.removesuffix(".gz")).stem


def joined_logs(parts: Iterable[Logs]) -> Logs:
    """The runs of several sources as one."""
    parts = list(parts)
    return Logs(
        [log for part in parts for log in part.runs],
        tuple(source for part in parts for source in part.sources),
        tuple(note for part in parts for note in part.notes),
        tuple(item for part in parts for item in part.excluded),
    )


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as `outer/inner` keys; lists stay as they are.

    >>> flat({"eval": {"loss": 2.9}, "step": 10})
    {'eval/loss': 2.9, 'step': 10}
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}/"))
        else:
            found[prefix + str(name)] = value
    return found
