"""W&B's offline runs: `.wandb` files, and the folder `wandb` that holds them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers._protobuf import Malformed, fields, signed
from scalelaw.readers._wandb_records import MAGIC, wandb_records
from scalelaw.readers.base import Manner
from scalelaw.readers.loading import load
from scalelaw.readers.logs import Log, LogReader, Logs, flat, joined_logs
from scalelaw.runs import Note

RECORD = {"history": 2, "summary": 3, "config": 5, "run": 17, "exit": 18}
RUN = {"run_id": 1, "project": 3, "config": 4, "summary": 5, "run_group": 6, "display_name": 8, "tags": 10}
CONFIG = SUMMARY = {"update": 1, "remove": 2}
HISTORY = {"item": 1, "step": 2}
STEP = {"num": 1}
EXIT = {"exit_code": 1}
ITEM = {"key": 1, "nested_key": 2, "value_json": 16}
HISTORY_ITEM = ITEM | {"boolean": 4, "integer": 5, "number": 6, "text": 7, "json": 8}
"""Numbers of fields in W&B's wandb_internal.proto; those of `ITEM` serve configuration, summary and history."""


class WandbOfflineReader(LogReader):
    """A run a file. A run that was resumed has several files, whose points follow one another.

    What a summary holds and no point does is a fact of the run, as if it had been configured. A run without an exit
    record is `unfinished`: it was killed, or is still going.
    """

    name = "wandb_offline"
    suffixes = (".wandb",)

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with `:W&B`."""
        return head.startswith(MAGIC)

    def holds(self, folder: Path) -> bool:
        """A run's folder, or one of such folders."""
        return bool(_files(folder))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """Runs in the order in which they began."""
        if not path.is_dir():
            return _read(path)
        found = joined_logs(map(_read, _files(path)))
        return replace(found, runs=_resumed(found.runs))


def _files(folder: Path) -> list[Path]:
    """Oldest first, for the folders' names begin with dates; the link `latest-run` would tell a run twice."""
    within = (item for item in folder.glob("*run-*/run-*.wandb") if not item.parent.is_symlink())
    return sorted(folder.glob("run-*.wandb")) or sorted(within)


def _resumed(runs: Sequence[Log]) -> list[Log]:
    """The runs, those of one id as one."""
    whole: dict[str, Log] = {}
    for run in runs:
        before = whole.get(run.id)
        if before is not None:
            points, config = [*before.points, *run.points], {**before.config, **run.config}
            run = replace(run, points=points, config=config)
        whole[run.id] = run
    return list(whole.values())


@dataclass
class _Told:
    """What the records of a file have said so far."""

    run: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    state: str = "unfinished"


def _read(path: Path) -> Logs:
    loaded = load(path)
    records, notes = wandb_records(path, loaded.content)
    told = _Told()
    for number, record in enumerate(records, start=1):
        try:
            _take(told, record)
        except (Malformed, ValueError, struct.error, RecursionError) as error:
            problem, remedy = f"record {number} is none of wandb_internal.proto: {error}", "export the run as CSV"
            raise DataError("E_CORRUPT", problem, file=path, remedy=remedy) from None
    return Logs([_log(path, told)], (loaded.source,), tuple(_in_file(note, path) for note in notes))


def _in_file(note: Note, path: Path) -> Note:
    return replace(note, message=f"{path.name}: {note.message}")


def _take(told: _Told, record: bytes) -> None:
    for number, body in _messages(record):
        if number == RECORD["history"]:
            told.points.append(_point(body))
        elif number == RECORD["config"]:
            _update(told.config, body)
        elif number == RECORD["summary"]:
            _update(told.summary, body)
        elif number == RECORD["exit"]:
            code = next((signed(value) for field, value in _integers(body) if field == EXIT["exit_code"]), 0)
            told.state = "failed" if code else "finished"
        elif number == RECORD["run"]:
            _take_run(told, body)


def _take_run(told: _Told, body: bytes) -> None:
    names = {number: name for name, number in RUN.items()}
    for number, value in _messages(body):
        name = names.get(number)
        if name == "config":
            _update(told.config, value)
        elif name == "summary":
            _update(told.summary, value)
        elif name == "tags":
            told.tags.append(value.decode())
        elif name is not None and value:
            told.run[name] = value.decode()


def _update(values: dict[str, Any], body: bytes) -> None:
    for number, item in _messages(body):
        key, value = _item(item)
        if number == CONFIG["update"]:
            values[key] = value
        elif number == CONFIG["remove"]:
            values.pop(key, None)


def _point(body: bytes) -> dict[str, Any]:
    point: dict[str, Any] = {}
    step = 0
    for number, value in _messages(body):
        if number == HISTORY["item"]:
            key, logged = _item(value)
            point[key] = logged
        elif number == HISTORY["step"]:
            step = next((count for field, count in _integers(value) if field == STEP["num"]), 0)
    return {"_step": step} | plain(point)


def _item(body: bytes) -> tuple[str, Any]:
    """A key, its parts joined with slashes, and its value."""
    keys: list[str] = []
    value: Any = None
    for number, _, raw in fields(body):
        if isinstance(raw, bytes) and number in (ITEM["key"], ITEM["nested_key"]):
            keys.append(raw.decode())
        elif isinstance(raw, bytes) and number in (ITEM["value_json"], HISTORY_ITEM["json"]):
            value = json.loads(raw.decode())
        elif isinstance(raw, bytes) and number == HISTORY_ITEM["text"]:
            value = raw.decode()
        elif isinstance(raw, bytes) and number == HISTORY_ITEM["number"]:
            (value,) = struct.unpack("<d", raw)
        elif isinstance(raw, int) and number == HISTORY_ITEM["integer"]:
            value = (raw >> 1) ^ -(raw & 1)  # zigzag
        elif isinstance(raw, int) and number == HISTORY_ITEM["boolean"]:
            value = bool(raw)
    return "/".join(keys), value


def _messages(body: bytes) -> Iterator[tuple[int, bytes]]:
    return ((number, value) for number, _, value in fields(body) if isinstance(value, bytes))


def _integers(body: bytes) -> Iterator[tuple[int, int]]:
    return ((number, value) for number, _, value in fields(body) if isinstance(value, int))


def _log(path: Path, told: _Told) -> Log:
    run_id = told.run.get("run_id", "")
    facts: dict[str, Any] = {name: told.run[name] for name in ("project", "run_group") if name in told.run}
    facts |= {"tags": ", ".join(told.tags)} if told.tags else {}
    return Log(
        name=told.run.get("display_name") or run_id or path.stem,
        config=facts | facts_of(told.config, told.summary, told.points),
        points=told.points or [point for point in [plain(told.summary)] if point],
        file=str(path),
        state=told.state,
        id=run_id,
    )


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flat, without histograms, pictures and tables, which W&B marks with `_type`, and without its own `_wandb`."""
    told = flat(values)
    media = tuple(name.removesuffix("_type") for name in told if name.endswith("/_type"))
    return {name: value for name, value in told.items() if not name.startswith(("_wandb/", *media))}


def facts_of(
    config: Mapping[str, Any], summary: Mapping[str, Any], points: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The configuration, with what only the summary holds, such as a count of parameters."""
    logged = {name for point in points for name in point} if points else set(plain(summary))
    told = {name: value for name, value in plain(summary).items() if name not in logged and not name.startswith("_")}
    return told | plain(config)


KIND = WandbOfflineReader()
