"""`Trial`: one run of a sweep over learning rates, diverged ones included. Needs no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.numbers import parse_number
from scalelaw.readers.base import Manner
from scalelaw.readers.finding import pick_reader

COLUMNS = ("parametrization", "width", "lr", "seed", "loss", "status")
"""What a table of trials has; `status` may be absent where every run finished, and a column `corpus` be there."""
DIVERGED = "diverged"


@dataclass(frozen=True, slots=True, order=True)
class Trial:
    """A run at one rate; `loss` is in nats a token, infinite where the run diverged."""

    parametrization: str
    width: int
    lr: float
    seed: int
    loss: float
    corpus: str = ""

    def as_row(self) -> dict[str, Any]:
        """A row of a table of trials."""
        diverged = math.isinf(self.loss)
        numbers = {"width": self.width, "lr": self.lr, "seed": self.seed, "loss": "" if diverged else self.loss}
        names = {"corpus": self.corpus, "parametrization": self.parametrization}
        return {**names, **numbers, "status": DIVERGED if diverged else "finished"}

    @property
    def family(self) -> str:
        """What is compared over widths: the parametrization, and the corpus where it is known."""
        return f"{self.parametrization} on {self.corpus}" if self.corpus else self.parametrization


def read_trials(paths: Iterable[str | Path]) -> tuple[Trial, ...]:
    """The trials of run tables (CSV, JSON lines, Parquet) or run stores, sorted.

    Of a table the columns `parametrization`, `width`, `lr`, `seed` and `loss` are read. A run that diverged is a row
    whose `status` says so or, in a store, a `done.json` that does; unfinished runs are left out.

    Raises:
        DataError: for a column that is absent, a cell that is no number, or two losses of one trial.
    """
    found: dict[tuple[str, int, float, int], Trial] = {}
    for path in paths:
        for trial, file, line in _trials(Path(path)):
            key = (trial.family, trial.width, trial.lr, trial.seed)
            if found.setdefault(key, trial) != trial:
                raise DataError(
                    "E_CONFLICT",
                    f"two losses for {trial.family}, width {trial.width}, lr {trial.lr:g}, seed {trial.seed}: "
                    f"{found[key].loss:.6g} and {trial.loss:.6g}",
                    file=file,
                    line=line,
                    remedy="pass runs that differ in nothing else; filter the table first",
                )
    return tuple(sorted(found.values()))


def select(trials: Sequence[Trial], parametrizations: Sequence[str]) -> tuple[Trial, ...]:
    """The trials of these parametrizations, or all where none is named.

    Raises:
        DataError: for one that has no trial.
    """
    known = {trial.parametrization for trial in trials}
    for name in parametrizations:
        if name not in known:
            raise DataError("E_NO_ROWS", f"no run of {name}; parametrizations found: {', '.join(sorted(known))}")
    return tuple(trial for trial in trials if trial.parametrization in (parametrizations or known))


def _trials(path: Path) -> Iterator[tuple[Trial, str, int | None]]:
    cells = pick_reader(path).read(path, Manner())
    for name in COLUMNS[:-1]:
        if name not in cells.columns:
            raise DataError(
                "E_MISSING_COLUMN",
                f"a sweep over learning rates has {', '.join(COLUMNS[:-1])}; columns found: {', '.join(cells.columns)}",
                file=path,
                column=name,
                remedy="make the table with: scalelaw probe lr-transfer STORE --table runs.csv",
            )
    for i, file in enumerate(cells.file):
        line = int(cells.line[i]) or None
        row = {name: column[i] for name, column in cells.columns.items() if name in (*COLUMNS, "corpus")}
        if str(row.get("status") or "finished").lower() in ("finished", DIVERGED):
            yield _trial(row, file, line), file, line
    for item in cells.excluded:
        if item.reason == DIVERGED:
            row = json.loads(Path(item.file).read_text(encoding="utf-8"))
            yield _trial(row, item.file, None), item.file, None


def _trial(row: Mapping[str, Any], file: str, line: int | None) -> Trial:
    diverged = str(row.get("status")).lower() == DIVERGED
    width, lr, seed = (_number(row, name, file, line) for name in ("width", "lr", "seed"))
    loss = math.inf if diverged else _number(row, "loss", file, line)
    if lr <= 0 or width <= 0:
        name = "lr" if lr <= 0 else "width"
        raise DataError(
            "E_NOT_POSITIVE", f"{name} must be positive", file=file, line=line, column=name, value=row[name]
        )
    return Trial(str(row["parametrization"]), int(width), lr, int(seed), loss, str(row.get("corpus") or ""))


def _number(row: Mapping[str, Any], name: str, file: str, line: int | None) -> float:
    cell = row.get(name)
    try:
        value = parse_number(cell) if isinstance(cell, str) else float(cell)  # type: ignore[arg-type]
        if not math.isfinite(value):
            raise ValueError(cell)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            "E_NOT_A_NUMBER",
            f"{name} must be a finite number",
            file=file,
            line=line,
            column=name,
            value=cell,
            remedy="correct the cell, or give the row the status diverged",
        ) from None
    return value
