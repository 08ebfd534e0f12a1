"""TensorBoard event files: every point of every scalar, none sampled, and hyper-parameters where they were logged."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers._gathering import Points
from scalelaw.readers._protobuf import Malformed, fields, signed, varint
from scalelaw.readers._tfrecords import framed
from scalelaw.readers.base import Manner
from scalelaw.readers.lightning import COUNTED, SETTINGS
from scalelaw.readers.loading import below, load
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.readers.settings import settings
from scalelaw.runs import Note, Source

Message = dict[int, list[int | bytes]]
"""The values of a message by the number of their field: integers, and bytes for everything else."""
Expected = TypeVar("Expected", int, bytes)

_NAME = re.compile(r"tfevents\.\d")
"""What event files are called: `events.out.tfevents.TIME.HOST`."""
STARTED = 1
"""`SessionLog.START`: a process took the log up again."""
DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 17: "<u2", 19: "<f2", 22: "<u4", 23: "<u8"
}  # fmt: skip
"""`DataType` of a tensor's content as a NumPy type. NumPy lacks 14, bfloat16: the upper half of a float32."""
BFLOAT16 = 14
FLOATS, INTEGERS, HALVES = {5: "<f4", 6: "<f8"}, {7, 10, 16, 17}, 13
"""Fields of a tensor that hold its numbers one by one: floats, integers, and halves as the integers of their bits."""


class TensorBoardReader(LogReader):
    """Event files, alone or in folders: a folder that holds some is a run, named after it; several files are restarts.

    Scalars are read whether a summary holds them as a simple value (float32) or as a tensor of one element. Columns are
    the tags, `step` and `wall_time` (seconds); values of one step share a row. Where Lightning wrote them, which leaves
    `hparams.yaml` beside, `step` is one more than the index of an update that it logs.
    """

    name = "tensorboard"

    def claims(self, path: Path, head: bytes) -> bool:
        """Named as event files are, or begins with the record that says `brain.Event`."""
        return _NAME.search(path.name) is not None or b"brain.Event:" in head[:64]

    def holds(self, folder: Path) -> bool:
        """Event files lie in it."""
        return any(_NAME.search(path.name) and path.is_file() for path in folder.iterdir())

    def logs(self, path: Path, manner: Manner) -> Logs:
        """A run for every folder with event files at or below this one; of a file, the one run."""
        files, links = ([path], ()) if path.is_file() else below(path, "*tfevents*")
        folders: dict[Path, list[Path]] = {}
        for file in files if path.is_file() else filter(lambda file: _NAME.search(file.name), files):
            folders.setdefault(file.parent, []).append(file)
        notes = list(links)
        sources: list[Source] = []
        runs = [_run(folder, inside, sources, notes) for folder, inside in folders.items()]
        return Logs(runs, tuple(sources), tuple(notes))


def _run(folder: Path, files: list[Path], sources: list[Source], notes: list[Note]) -> Log:
    points, config = Points(), dict[str, Any]()
    for file in files:
        loaded = load(file)
        sources.append(loaded.source)
        points.resumed()
        for number, record in enumerate(_records(file, loaded.content, notes), start=1):
            try:
                _take(_message(record), points, config)
            except Malformed as error:
                problem = f"record {number} is no event: {error}"
                raise DataError("E_CORRUPT", problem, file=file, remedy="check what wrote it") from None
    name = folder.name or folder.resolve().name  # the folder `.` has its name elsewhere
    rows = points.rows
    if (folder / SETTINGS).is_file() and any("epoch" in row for row in rows):  # Lightning wrote both
        rows = [{**row, "step": row["step"] + 1} for row in rows]
        told = settings(folder / SETTINGS)
        config = {**told.values, **config}
        sources += told.sources
        notes += [*told.notes, Note("I_STEP", f"{name}: {COUNTED}")]
    return Log(name, config, rows, str(files[0] if len(files) == 1 else folder), id=str(folder))


def _records(file: Path, content: bytes, notes: list[Note]) -> list[bytes]:
    """The events of a file as they lie in it; a torn tail is noted."""
    found = framed(content)
    count, where = len(found.records), f"record {len(found.records) + 1}, at byte {found.stop}"
    if found.stop is not None and not found.torn:
        remedy = "copy the file again from where it was written"
        raise DataError("E_CORRUPT", f"{where}, fails its checksum", file=file, remedy=remedy)
    if not count:
        problem = "no whole record of an event file in it" if content else "the file is empty"
        raise DataError("E_EMPTY", problem, file=file, remedy="check what wrote it")
    if found.torn:
        notes.append(Note("W_TRUNCATED", f"{file}: {where}, is half written and not read"))
    return found.records


def _take(event: Message, points: Points, config: dict[str, Any]) -> None:
    """The scalars and hyper-parameters of a `tensorboard.Event` (event.proto, summary.proto)."""
    if any(_last(session, 1, 0) == STARTED for session in _parts(event, 7)):
        points.resumed()
    step, wall_time = signed(_last(event, 2, 0)), _float(_last(event, 1, bytes(8)))
    for summary in _parts(event, 5):
        for value in _parts(summary, 1):
            tag = _text(_last(value, 1, b""))
            if tag == "_hparams_/session_start_info":
                config.update(_hparams(value))
            elif (number := _scalar(value)) is not None:
                points.add(step, {tag: number}, wall_time=wall_time)


def _scalar(value: Message) -> float | None:
    """A `Summary.Value` as a number; None for an image, a histogram, a text or a tensor of many elements."""
    if 2 in value:
        return _float(_last(value, 2, b""))
    found = [number for tensor in _parts(value, 8) for number in _elements(tensor)]
    return found[0] if len(found) == 1 else None


def _elements(tensor: Message) -> list[float]:
    """The numbers of a `TensorProto` (tensor.proto) that has one element; none of a larger one, or of text."""
    sizes = [_last(dim, 1, 0) for shape in _parts(tensor, 2) for dim in _parts(shape, 2)]
    if math.prod(sizes) != 1:
        return []
    dtype, content = _last(tensor, 1, 0), _last(tensor, 4, b"")
    if content:
        kind, content = ("<f4", b"\0\0" + content) if dtype == BFLOAT16 else (DTYPES.get(dtype, ""), content)
        return _numbers(content, kind) if kind else []
    for number, values in tensor.items():
        if number in FLOATS:
            return _numbers(b"".join(value for value in values if isinstance(value, bytes)), FLOATS[number])
        if number == HALVES:
            halves = np.array(list(_integers(values)), dtype="<u4")
            return (
                _numbers((halves << 16).tobytes(), "<f4")
                if dtype == BFLOAT16
                else _numbers(halves.astype("<u2").tobytes(), "<f2")
            )
        if number in INTEGERS:
            return [float(signed(integer)) for integer in _integers(values)]
    return []


def _hparams(value: Message) -> dict[str, Any]:
    """The hyper-parameters of a session (the hparams plugin's plugin_data.proto, google/protobuf/struct.proto)."""
    found: dict[str, Any] = {}
    for metadata in _parts(value, 9):
        for plugin in _parts(metadata, 1):
            for start in _parts(_message(_last(plugin, 2, b"")), 3):
                for entry in _parts(start, 1):
                    found[_text(_last(entry, 1, b""))] = next(map(_plain, _parts(entry, 2)), None)
    return found


def _plain(value: Message) -> float | str | bool | None:
    if 2 in value:
        return _float(_last(value, 2, b""))
    if 3 in value:
        return _text(_last(value, 3, b""))
    return bool(_last(value, 4, 0)) if 4 in value else None


def _message(data: bytes) -> Message:
    message: Message = {}
    for number, _, value in fields(data):
        message.setdefault(number, []).append(value)
    return message


def _parts(message: Message, number: int) -> list[Message]:
    """The messages of a field."""
    return [_message(_of(bytes, value, number)) for value in message.get(number, ())]


def _last(message: Message, number: int, default: Expected) -> Expected:
    """The value of a field that is there once; of several, the last counts."""
    return _of(type(default), message[number][-1], number) if number in message else default


def _of(kind: type[Expected], value: int | bytes, number: int) -> Expected:
    if not isinstance(value, kind):
        raise Malformed(f"field {number} is of another type")
    return value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _float(value: bytes) -> float:
    """A double of 8 bytes or a float of 4."""
    if len(value) not in (4, 8):
        raise Malformed(f"{len(value)} bytes where a float was expected")
    return float(struct.unpack("<d" if len(value) == 8 else "<f", value)[0])


def _numbers(content: bytes, kind: str) -> list[float]:
    if len(content) % np.dtype(kind).itemsize:
        raise Malformed(f"{len(content)} bytes where {kind} were expected")
    numbers: list[float] = np.frombuffer(content, dtype=kind).astype(float).tolist()
    return numbers


def _integers(values: list[int | bytes]) -> Iterator[int]:
    """Repeated integers: a field each, or packed in one."""
    for value in values:
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            integer, at = varint(value, at)
            yield integer


KIND = TensorBoardReader()
