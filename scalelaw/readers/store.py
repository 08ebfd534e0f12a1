"""A run store: one directory a run, `spec.json` written first and `done.json` last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.store_index import Record, parsed, store_records
from scalelaw.runs import Exclusion, Source

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
        outcomes = [_outcome(path, record) for record in store_records(path)]
        excluded = tuple(outcome for outcome in outcomes if isinstance(outcome, Exclusion))
        finished = [outcome for outcome in outcomes if not isinstance(outcome, Exclusion)]
        if not finished:
            raise _no_runs(path, excluded)
        records = [record for record, _ in finished]
        names = dict.fromkeys(name for record in records for name in record if name not in BOOKKEEPING)
        return Cells(
            path=str(path),
            columns={name: [record.get(name) for record in records] for name in names},
            file=tuple(source.file for _, source in finished),
            line=np.zeros(len(finished), dtype=np.int64),
            sources=tuple(source for _, source in finished),
            excluded=excluded,
            stated={"flops_convention": "exact"},
        )


def _outcome(store: Path, record: Record) -> tuple[dict[str, Any], Source] | Exclusion:
    """What a run's directory holds: its final record, or why there is none to fit."""
    folder = store / record.folder
    if not record.content:
        return Exclusion(record.folder, "unfinished", str(folder))
    done, path = parsed(record, store), str(folder / "done.json")
    if done.get("status") == "finished":
        return done, Source(path, record.sha256)
    reason = str(done.get("status") or "no status in done.json")
    return Exclusion(str(done.get("run_id", record.folder)), reason, path)


def _no_runs(path: Path, excluded: tuple[Exclusion, ...]) -> DataError:
    if not excluded:
        remedy = "name a directory that holds <run_id>/spec.json and <run_id>/done.json"
        return DataError("E_EMPTY", "the directory is not a run store", file=path, remedy=remedy)
    reasons = ", ".join(sorted({item.reason for item in excluded}))
    problem = f"none of the store's {len(excluded)} runs is finished ({reasons})"
    remedy = "finish the sweep; diverged runs need a lower learning rate"
    return DataError("E_NO_ROWS", problem, file=path, remedy=remedy)


KIND = StoreReader()
