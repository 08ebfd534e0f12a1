"""ClearML's offline sessions: a folder, or the zip it is packed in, with `task.json` and `metrics.jsonl`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers._gathering import Points
from scalelaw.readers.base import Manner
from scalelaw.readers.loading import Loaded, load, parsed_json
from scalelaw.readers.logs import Log, LogReader, Logs

SCALAR = "training_stats_scalar"
GENERAL = "General"
"""The section of hyper-parameters that `Task.connect` writes to unless told another."""
TYPES = {"int": int, "float": float}
REMEDY = "check what wrote it"


class ClearmlReader(LogReader):
    """The run of a session, named as its task. A metric is called `title/series`; `step` is ClearML's iteration."""

    name = "clearml"

    def holds(self, folder: Path) -> bool:
        """A session's two files lie in it."""
        return (folder / "task.json").is_file() and (folder / "metrics.jsonl").is_file()

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The one run of the session."""
        task, metrics = load(path / "task.json"), load(path / "metrics.jsonl")
        about = parsed_json(task.path, task.content, REMEDY)
        if not isinstance(about, dict):
            raise _malformed(task, 1, "an object was expected")
        points = Points()
        for line, event in _events(metrics):
            if event.get("type") == SCALAR:
                points.add(
                    event.get("iter"), {f"{event.get('metric')}/{event.get('variant')}": event.get("value")}, line
                )
        name = str(about.get("name") or path.name)
        state = str(about.get("status") or "").lower()
        log = Log(name, _config(about), points.rows, str(metrics.path), points.lines, state, str(about.get("id") or ""))
        return Logs([log], (task.source, metrics.source))


def _events(metrics: Loaded) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events with their lines: a line is a list of them, as it was sent at once."""
    for number, line in enumerate(metrics.content.splitlines(), start=1):
        if line.strip():
            batch = parsed_json(metrics.path, line, REMEDY, number)
            for event in batch if isinstance(batch, list) else [batch]:
                if not isinstance(event, dict):
                    raise _malformed(metrics, number, "objects were expected")
                yield number, event


def _config(about: dict[str, Any]) -> dict[str, Any]:
    """Hyper-parameters as `section/name`, those of the general section by name alone."""
    sections = about.get("hyperparams")
    found: dict[str, Any] = {}
    for section, items in sections.items() if isinstance(sections, dict) else ():
        for name, item in items.items() if isinstance(items, dict) else ():
            if isinstance(item, dict):
                found[name if section == GENERAL else f"{section}/{name}"] = _typed(item)
    return found


def _typed(item: dict[str, Any]) -> Any:
    """A hyper-parameter's value: all are written as text, with their type beside it."""
    value = item.get("value")
    try:
        return TYPES.get(str(item.get("type")), str)(value)
    except (TypeError, ValueError):
        return value


def _malformed(loaded: Loaded, line: int, problem: str) -> DataError:
    return DataError("E_JSON", problem, file=loaded.path, line=line, remedy=REMEDY)


KIND = ClearmlReader()
