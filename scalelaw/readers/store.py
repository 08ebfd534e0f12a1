"""A run store: one directory a run, `spec.json` written first and `done.json` last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.loading import Loaded, load
from scalelaw.runs import Exclusion

BOOKKEEPING = ("status", "wall_s", "device_s", "memory_bytes")


class StoreReader(Reader):
    """Finished runs as rows; a run that diverged or never finished is an exclusion that says so.

    A store's `flops` count every matrix product, so it states the convention `exact`; its `flops_6nd` are 6 N D.
    """

    name = "store"

    def holds(self, folder: Path) -> bool:
        """A folder of folders with `spec.json` inside."""
        return next(folder.glob("*/spec.json"), None) is not None

    def read(self, path: Path, manner: Manner) -> Cells:
        """Rows in the order of the run directories' names."""
        outcomes = [_outcome(folder) for folder in sorted(item.parent for item in path.glob("*/spec.json"))]
        excluded = tuple(outcome for outcome in outcomes if isinstance(outcome, Exclusion))
        finished = [outcome for outcome in outcomes if not isinstance(outcome, Exclusion)]
        if not finished:
            raise _no_runs(path, excluded)
        records = [record for record, _ in finished]
        names = dict.fromkeys(name for record in records for name in record if name not in BOOKKEEPING)
        return Cells(
            path=str(path),
            columns={name: [record.get(name) for record in records] for name in names},
            file=tuple(str(loaded.path) for _, loaded in finished),
            line=np.zeros(len(finished), dtype=np.int64),
            sources=tuple(loaded.source for _, loaded in finished),
            excluded=excluded,
            stated={"flops_convention": "exact"},
        )


def _outcome(folder: Path) -> tuple[dict[str, Any], Loaded] | Exclusion:
    """What a run's directory holds: its final record, or why there is none to fit."""
    path = folder / "done.json"
    if not path.is_file():
        return Exclusion(folder.name, "unfinished", str(folder))
    record, loaded = _done(path)
    if record.get("status") == "finished":
        return record, loaded
    reason = str(record.get("status") or "no status in done.json")
    return Exclusion(str(record.get("run_id", folder.name)), reason, str(path))


def _done(path: Path) -> tuple[dict[str, Any], Loaded]:
    loaded = load(path)
    try:
        record = json.loads(loaded.content)
    except ValueError as error:
        raise DataError("E_JSON", f"not JSON: {error}", file=path, remedy="run the training again") from None
    if not isinstance(record, dict):
        raise DataError("E_JSON", "an object was expected", file=path, remedy="run the training again")
    return record, loaded


def _no_runs(path: Path, excluded: tuple[Exclusion, ...]) -> DataError:
    if not excluded:
        remedy = "name a directory that holds <run_id>/spec.json and <run_id>/done.json"
        return DataError("E_EMPTY", "the directory is not a run store", file=path, remedy=remedy)
    reasons = ", ".join(sorted({item.reason for item in excluded}))
    problem = f"none of the store's {len(excluded)} runs is finished ({reasons})"
    remedy = "finish the sweep; diverged runs need a lower learning rate"
    return DataError("E_NO_ROWS", problem, file=path, remedy=remedy)


KIND = StoreReader()
