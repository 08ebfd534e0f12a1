"""The curve of one of our own runs: `metrics.jsonl` beside the `spec.json` of its folder in a run store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers.base import Manner
from scalelaw.readers.jsonl import JsonLinesReader
from scalelaw.readers.loading import load, parsed_json
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.readers.points import points_of
from scalelaw.runs import Source

METRICS, SPEC, DONE = "metrics.jsonl", "spec.json", "done.json"
OF_THE_END = {"n_tokens", "flops", "flops_6nd", "steps", "status", "run_id", "wall_s", "device_s", "memory_bytes"}
"""What `done.json` says of the end alone, beside its losses, where each point says it of its own step."""


class StoreCurveReader(LogReader):
    """What was logged while the run was trained; the store as a whole gives only how its runs ended.

    Its `flops` count every matrix product, so the convention is `exact`.
    """

    name = "store_curve"

    def claims(self, path: Path, head: bytes) -> bool:
        """`metrics.jsonl` beside `spec.json`."""
        return path.name == METRICS and path.with_name(SPEC).is_file()

    def holds(self, folder: Path) -> bool:
        """The folder of one run."""
        return (folder / SPEC).is_file() and (folder / METRICS).is_file()

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The run of a folder, or of the file in it."""
        folder = path if path.is_dir() else path.parent
        cells = JsonLinesReader().read(folder / METRICS, manner)
        done, sources = _done(folder)
        config = {name: value for name, value in done.items() if not _of_the_end(name)}
        run = Log(
            name=str(done.get("run_id", folder.resolve().name)),
            config=config | {"flops_convention": "exact"},
            points=points_of(cells),
            file=cells.file[0],
            lines=cells.line.tolist(),
            state=str(done.get("status", "unfinished")),
        )
        return Logs([run], (*cells.sources, *sources), cells.notes)


def _of_the_end(name: str) -> bool:
    return name in OF_THE_END or (name.startswith("loss") and name != "loss_unit")


def _done(folder: Path) -> tuple[dict[str, Any], tuple[Source, ...]]:
    """How the run ended, which also counts its parameters; nothing of one that has not."""
    path = folder / DONE
    if not path.is_file():
        return {}, ()
    loaded, remedy = load(path), "run the training again"
    record = parsed_json(path, loaded.content, remedy)
    if not isinstance(record, dict):
        raise DataError("E_JSON", "an object was expected", file=path, remedy=remedy)
    return record, (loaded.source,)


KIND = StoreCurveReader()
