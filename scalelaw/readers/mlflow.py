"""MLflow: its SQLite database, or its folder of files (`mlruns`)."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers._gathering import Points
from scalelaw.readers._sqlite import opened, source, tracker
from scalelaw.readers.base import Manner
from scalelaw.readers.loading import below, load
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.runs import Exclusion, Note, Source

STATES = {"1": "running", "2": "scheduled", "3": "finished", "4": "failed", "5": "killed"}
"""`RunStatus` of MLflow's service.proto, as the file store writes it; the database holds the words."""
DELETED = "deleted"
"""The state of a run that was deleted and not yet purged."""
LARGEST = 1.7976931348623157e308
"""What the database holds where infinity was logged; for NaN it holds 0 and a mark."""
STEPLESS = "all at step 0: they were logged without step=, as log_metric(NAME, VALUE, step=STEP) would have"
NAME_TAG = "mlflow.runName"

Metric = tuple[int, str, float, int]
"""The time it was logged at, in milliseconds; name, value and step."""


class MlflowReader(LogReader):
    """Runs by their names; parameters, and tags that are not MLflow's own, are the configuration."""

    name = "mlflow"

    def claims(self, path: Path, head: bytes) -> bool:
        """A database with MLflow's tables."""
        return tracker(path, head) == self.name

    def holds(self, folder: Path) -> bool:
        """The folder of a store, of an experiment or of a run."""
        return next(_run_folders(folder), None) is not None

    def logs(self, path: Path, manner: Manner) -> Logs:
        """Every run; deleted ones say so as their state."""
        return _file_store(path) if path.is_dir() else _database(path)


def _database(path: Path) -> Logs:
    with opened(path) as database:
        runs = database.execute(
            "SELECT run_uuid, name, status, lifecycle_stage FROM runs ORDER BY start_time"
        ).fetchall()
        config, tags = _texts_by_run(database.execute(PARAMS)), _texts_by_run(database.execute(TAGS))
        points = {run: _points(metrics) for run, metrics in groupby(database.execute(METRICS), itemgetter(0))}
    logs = [
        Log(
            str(tags[run].get(NAME_TAG) or name or run),
            config[run] | _own(tags[run]),
            points.get(run, []),
            str(path),
            state=DELETED if stage == DELETED else str(status or "").lower(),
            id=str(run),
        )
        for run, name, status, stage in runs
    ]
    return _with_steps(logs, (source(path),), ())


PARAMS = "SELECT run_uuid, key, value FROM params ORDER BY key"
TAGS = "SELECT run_uuid, key, value FROM tags ORDER BY key"
METRICS = """
    SELECT run_uuid, key, CASE WHEN is_nan THEN NULL ELSE value END, step FROM metrics
    ORDER BY run_uuid, timestamp, step, rowid
"""
"""Whole tables: that of metrics has no index by run in databases of older versions."""


def _texts_by_run(rows: Iterable[tuple[Any, Any, Any]]) -> Mapping[Any, dict[str, Any]]:
    texts: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for run, key, value in rows:
        texts[run][str(key)] = value
    return texts


def _points(metrics: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Points in the order they were logged in."""
    points = Points()
    for _, name, value, step in metrics:
        points.add(step, {str(name): _number(value)})  # what is no number is refused where it is used
    return points.rows


def _with_steps(logs: Sequence[Log], sources: tuple[Source, ...], notes: tuple[Note, ...]) -> Logs:
    """The runs that tell their steps. Those that logged all of several points at step 0 told none: an exclusion each,
    for which tokens belong to which loss is not known.
    """
    excluded = [
        Exclusion(log.name, f"{len(log.points)} points, {STEPLESS}", log.file) for log in logs if _stepless(log)
    ]
    return Logs([log for log in logs if not _stepless(log)], sources, notes, tuple(excluded))


def _stepless(log: Log) -> bool:
    return len(log.points) > 1 and not any(point["step"] for point in log.points)


def _number(value: Any) -> Any:
    if value is None:
        return math.nan
    return math.copysign(math.inf, value) if isinstance(value, float) and abs(value) >= LARGEST else value


def _own(tags: dict[str, Any]) -> dict[str, Any]:
    """Tags that a user set."""
    return {name: value for name, value in tags.items() if not name.startswith("mlflow.")}


def _file_store(folder: Path) -> Logs:
    runs: list[tuple[str, Log]] = []
    sources: list[Source] = []
    notes: list[Note] = []
    for run in _run_folders(folder):
        meta = _meta(run / "meta.yaml")
        tags, params = _texts(run / "tags"), _texts(run / "params")
        files, links = below(run / "metrics")
        notes += links
        metrics = [metric for file in files for metric in _metrics(run, file, sources)]
        identity = meta.get("run_id") or meta.get("run_uuid") or run.name
        state = DELETED if meta.get("lifecycle_stage") == DELETED else STATES.get(meta.get("status", ""), "")
        name = tags.get(NAME_TAG) or meta.get("run_name") or identity
        points = _points(sorted(metrics, key=lambda metric: (metric[0], metric[3])))
        began = meta.get("start_time", "")
        runs.append((began, Log(name, params | _own(tags), points, str(run), state=state, id=identity)))
    logs = [log for _, log in sorted(runs, key=lambda run: run[0])]
    return _with_steps(logs, tuple(sources), tuple(notes))


def _run_folders(folder: Path) -> Iterator[Path]:
    """Folders of runs: this one, or those one or two below it. A run has a `meta.yaml` and a folder of metrics."""
    for pattern in ("meta.yaml", "*/meta.yaml", "*/*/meta.yaml"):
        for meta in sorted(folder.glob(pattern)):
            if (meta.parent / "metrics").is_dir():
                yield meta.parent


def _meta(path: Path) -> dict[str, str]:
    """The lines `key: value` of a file that MLflow wrote, as text; its other lines hold nothing wanted here."""
    found = re.findall(r"^(\w+): (.*)$", load(path).content.decode("utf-8", "replace"), re.MULTILINE)
    return {key: value.strip().strip("'\"") for key, value in found}


def _texts(folder: Path) -> dict[str, str]:
    """Files that hold one value each, by their names below the folder."""
    texts = {file: load(file).content.decode("utf-8", "replace") for file in below(folder)[0]}
    return {file.relative_to(folder).as_posix(): text.strip() for file, text in texts.items()}


def _metrics(run: Path, file: Path, sources: list[Source]) -> Iterator[Metric]:
    """Lines `time value step`; old ones lack the step."""
    loaded = load(file)
    sources.append(loaded.source)
    name = file.relative_to(run / "metrics").as_posix()
    for number, line in enumerate(loaded.content.decode("utf-8", "replace").splitlines(), start=1):
        try:
            time, value, *step = line.split()
            yield int(time), name, float(value), int(step[0]) if step else 0
        except ValueError:
            remedy = "correct the line, or remove it"
            expected = "a line of a metric is: time in ms, value, step"
            raise DataError("E_MALFORMED", expected, file=file, line=number, value=line, remedy=remedy) from None


KIND = MlflowReader()
