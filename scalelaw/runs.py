"""Runs and tables of runs: rows with units, exclusions with reasons, and a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

QUANTITIES = {
    "n_params": "parameters",
    "n_params_non_embedding": "parameters",
    "n_tokens": "tokens",
    "flops": "FLOP",
    "loss": "nats/token",
    "weight": "",
}
"""The numeric columns every table has, with their units. A quantity that was not logged is NaN."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training run, or one checkpoint of it. `line` is where its source file holds it."""

    run_id: str
    n_params: float
    n_tokens: float
    flops: float
    loss: float
    n_params_non_embedding: float = float("nan")
    weight: float = 1.0
    group: str = ""
    file: str = ""
    line: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a table counts: which parameters, which FLOPs, and the unit its losses were logged in.

    Losses in the table are always nats per token; `loss_unit` records what the source said.
    """

    params: str = "all"
    flops: str = "6ND"
    loss_unit: str = "nats/token"


@dataclass(frozen=True, slots=True)
class Source:
    """A file a table was read from, with the sha256 of its bytes."""

    file: str
    sha256: str

    @classmethod
    def of(cls, path: Path, content: bytes) -> Source:
        """The source record of a file whose bytes have been read."""
        return cls(str(path), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A run left out of a fit, and why."""

    run_id: str
    reason: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader noticed and did not refuse: a stable code (`W_...` a warning, `I_...` information), a sentence,
    and the physical lines it is about.
    """

    code: str
    message: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True)
class RunTable:
    """Runs as columns. Frozen: `where`, `exclude` and `with_columns` return a new table.

    Arrays have shape (n_runs,) and the units of `QUANTITIES`. `group` names what was resampled together: rows of one
    run, or seeds of one configuration. `extras` holds the remaining columns as they were read.

    >>> table = RunTable.of(n_params=[1e6, 2e6], n_tokens=[2e7, 4e7], loss=[3.1, 2.9])
    >>> len(table), float(table.flops[0])
    (2, 120000000000000.0)
    """

    run_id: tuple[str, ...]
    group: tuple[str, ...]
    n_params: Floats
    n_params_non_embedding: Floats
    n_tokens: Floats
    flops: Floats
    loss: Floats
    weight: Floats
    line: NDArray[np.int64]
    file: tuple[str, ...]
    extras: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    conventions: Conventions = Conventions()
    sources: tuple[Source, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, name)) for name in ("run_id", "group", "line", "file", *QUANTITIES)}
        lengths |= {len(column) for column in self.extras.values()}
        if len(lengths) != 1:
            raise UsageError(f"Columns of a RunTable must be of one length; found {sorted(lengths)}.")
        for name in (*QUANTITIES, "line"):
            getattr(self, name).setflags(write=False)

    @classmethod
    def of(
        cls,
        *,
        loss: ArrayLike,
        n_params: ArrayLike | None = None,
        n_tokens: ArrayLike | None = None,
        flops: ArrayLike | None = None,
        n_params_non_embedding: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        run_id: Sequence[str] | None = None,
        group: Sequence[str] | None = None,
        file: Sequence[str] | None = None,
        line: ArrayLike | None = None,
        extras: Mapping[str, ArrayLike] | None = None,
        conventions: Conventions | None = None,
        sources: tuple[Source, ...] = (),
        excluded: tuple[Exclusion, ...] = (),
    ) -> RunTable:
        """A table from columns; of N, D and C = 6 N D, one that is absent is derived from the other two.

        `group` defaults to the run's own id, so that rows of one run are resampled together.
        """
        losses = np.atleast_1d(np.array(loss, dtype=float))
        n = len(losses)

        def column(values: ArrayLike | None, default: float = float("nan")) -> Floats:
            numbers = np.full(n, default) if values is None else np.atleast_1d(np.array(values, dtype=float))
            if numbers.shape != (n,):
                raise UsageError(f"Columns of a RunTable must be of one length; found {len(numbers)} and {n}.")
            return numbers

        params, tokens, compute = column(n_params), column(n_tokens), column(flops)
        compute = np.where(np.isnan(compute), 6.0 * params * tokens, compute)
        tokens = np.where(np.isnan(tokens), compute / (6.0 * params), tokens)
        params = np.where(np.isnan(params), compute / (6.0 * tokens), params)
        ids = tuple(run_id) if run_id is not None else tuple(f"run{i:03d}" for i in range(n))
        return cls(
            run_id=ids,
            group=tuple(group) if group is not None else ids,
            n_params=params,
            n_params_non_embedding=column(n_params_non_embedding),
            n_tokens=tokens,
            flops=compute,
            loss=losses,
            weight=column(weight, 1.0),
            line=np.zeros(n, dtype=np.int64) if line is None else np.array(line, dtype=np.int64),
            file=tuple(file) if file is not None else ("",) * n,
            extras={name: np.asarray(values) for name, values in (extras or {}).items()},
            conventions=conventions or Conventions(),
            sources=sources,
            excluded=excluded,
        )

    def __len__(self) -> int:
        return len(self.run_id)

    def __iter__(self) -> Iterator[Run]:
        return (self.run(i) for i in range(len(self)))

    def run(self, i: int) -> Run:
        """Row `i` as a `Run`."""
        numbers = {name: float(getattr(self, name)[i]) for name in QUANTITIES}
        extras = {name: column[i] for name, column in self.extras.items()}
        return Run(
            run_id=self.run_id[i],
            group=self.group[i],
            file=self.file[i],
            line=int(self.line[i]),
            extras=extras,
            **numbers,
        )

    def column(self, name: str) -> NDArray[Any]:
        """A column by name, numeric or extra; `UsageError` lists the columns there are."""
        if name in QUANTITIES:
            return np.asarray(getattr(self, name))
        if name in ("run_id", "group"):
            return np.array(getattr(self, name))
        if name in self.extras:
            return self.extras[name]
        known = ", ".join((*QUANTITIES, "run_id", "group", *self.extras))
        raise UsageError(f"Unknown column {name!r}. Known: {known}.")

    def require(self, name: str) -> Floats:
        """A quantity that must be present in every row; `DataError` names the first row without it."""
        values: Floats = getattr(self, name)
        missing = np.flatnonzero(np.isnan(values))
        if len(missing):
            row = self.run(int(missing[0]))
            known = [column for column in QUANTITIES if not np.isnan(getattr(self, column)).all()]
            raise DataError(
                "E_MISSING_COLUMN",
                f"{name} is needed and {len(missing)} of {len(self)} runs have none, the first being {row.run_id}; "
                f"columns found: {', '.join((*known, *self.extras))}",
                file=row.file or None,
                line=row.line or None,
                column=name,
                remedy=f"name the column that holds it with --{name.replace('_', '-')}",
            )
        return values

    def where(self, keep: ArrayLike, reason: str = "") -> RunTable:
        """The rows that are kept; with a `reason`, the others are recorded as exclusions."""
        mask = np.asarray(keep, dtype=bool)
        index = np.flatnonzero(mask)
        dropped = tuple(
            Exclusion(self.run_id[i], reason, self.file[i], int(self.line[i])) for i in np.flatnonzero(~mask) if reason
        )
        return replace(self.take(index), excluded=self.excluded + dropped)

    def take(self, index: ArrayLike) -> RunTable:
        """The rows of `index`, in that order, repeats allowed."""
        rows = np.asarray(index, dtype=np.intp)
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in (*QUANTITIES, "line")}
        columns |= {name: tuple(getattr(self, name)[i] for i in rows) for name in ("run_id", "group", "file")}
        columns["extras"] = {name: values[rows] for name, values in self.extras.items()}
        return replace(self, **columns)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The distinct groups, in order of first appearance."""
        return tuple(dict.fromkeys(self.group))

    @property
    def named_files(self) -> str:
        """Its files by name, or where there are many, as a store has, the first and their number."""
        files = [source.file for source in self.sources]
        return ", ".join(files) if len(files) <= 3 else f"{files[0]} and {len(files) - 1} more"

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 of what a fit sees, 16 hex digits; the same for any order of the rows."""
        rows = sorted(
            "|".join((self.run_id[i], self.group[i], *(getattr(self, name)[i].hex() for name in QUANTITIES)))
            for i in range(len(self))
        )
        conventions = f"{self.conventions.params}|{self.conventions.flops}"
        return hashlib.sha256("\n".join((conventions, *rows)).encode()).hexdigest()[:16]

    def to_frame(self) -> pd.DataFrame:
        """The table as a pandas DataFrame, extras included."""
        import pandas as pd

        columns = {"run_id": self.run_id, "group": self.group}
        numbers = {name: getattr(self, name) for name in QUANTITIES}
        return pd.DataFrame({**columns, **numbers, **self.extras})
