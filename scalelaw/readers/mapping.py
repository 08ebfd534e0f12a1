"""What the caller says about a table: the names of its columns, what it cannot state itself, and how it is read."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from scalelaw.counting import FLOPS_CONVENTIONS, PARAMS_CONVENTIONS
from scalelaw.errors import UsageError

QUANTITY_COLUMNS = ("loss", "n_params", "n_params_non_embedding", "n_tokens", "flops", "weight")
LABEL_COLUMNS = ("run_id", "group")
CONVENTION_COLUMNS = ("params_convention", "flops_convention", "loss_unit")
"""Columns in which a table says how it counts. `write_runs` writes all three."""
READING = {
    **dict.fromkeys(("about", "curve", "join_runs", "encoding", "decimal"), str),
    "smooth": int,
    **dict.fromkeys(("keep_unfinished", "drop_invalid", "skip_bad_lines"), bool),
}
"""How a table is read, with the type of each, as `read_runs` explains them."""


@dataclass(frozen=True)
class ColumnMap:
    """Names of columns, conventions a file cannot state itself, and how it is read. None: look for the usual names,
    read the usual way.

    A name may be a product of columns and numbers, `step*32768`. `loss_unit` is nats, bits or bpb; bits per byte need
    `bytes_per_token`. `params_convention` and `flops_convention` are names in `scalelaw.counting`. `given` holds values
    for every row, by column. The rest are options of `read_runs`.

    >>> ColumnMap(loss="eval/loss", loss_unit="bits").loss
    'eval/loss'
    """

    loss: str | None = None
    n_params: str | None = None
    n_tokens: str | None = None
    flops: str | None = None
    n_params_non_embedding: str | None = None
    run_id: str | None = None
    group: str | None = None
    weight: str | None = None
    loss_unit: str | None = None
    params_convention: str | None = None
    flops_convention: str | None = None
    bytes_per_token: float | None = None
    about: str | Path | None = None
    curve: str | None = None
    smooth: int | None = None
    join_runs: str | None = None
    keep_unfinished: bool | None = None
    encoding: str | None = None
    decimal: str | None = None
    drop_invalid: bool | None = None
    skip_bad_lines: bool | None = None
    given: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_unknown_convention("params convention", self.params_convention, PARAMS_CONVENTIONS)
        refuse_unknown_convention("FLOPs convention", self.flops_convention, FLOPS_CONVENTIONS)
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"Unknown decimal mark {self.decimal!r}. Known: '.', ','.")
        bytes_per_token = self.bytes_per_token
        if bytes_per_token is None:
            return
        if not isinstance(bytes_per_token, int | float) or not 0 < bytes_per_token < float("inf"):
            raise UsageError(f"Bytes per token must be a positive number; found {bytes_per_token!r}.")

    @classmethod
    def load(cls, path: str | Path) -> ColumnMap:
        """A map from a TOML file.

        Names are under `[columns]`; values for every row under `[set]`; `about` (a path from the file's folder),
        `curve`, `smooth` and the other ways to read under `[read]`; `loss_unit`, `params`, `flops` and
        `bytes_per_token` above them all.
        """
        try:
            content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: not readable as a TOML mapping: {error}") from None
        names, reading, given = (_part(path, content, name) for name in ("columns", "read", "set"))
        renamed = {"params": "params_convention", "flops": "flops_convention"}
        settings = {renamed.get(key, key.replace("-", "_")): value for key, value in content.items()}
        _refuse_unknown(path, names, (*QUANTITY_COLUMNS, *LABEL_COLUMNS))
        _refuse_unknown(path, reading, tuple(READING))
        _refuse_unknown(path, settings, (*CONVENTION_COLUMNS, "bytes_per_token"))
        _refuse_types(path, reading)
        if "about" in reading:
            reading["about"] = Path(path).parent / reading["about"]
        columns: dict[str, Any] = {name: str(value) for name, value in names.items()}
        return cls(**columns, **settings, **reading, given={name: str(value) for name, value in given.items()})

    def updated(self, **given: Any) -> ColumnMap:
        """This map with what was given put over it; None leaves a name as it is."""
        known = {item.name for item in fields(self)}
        return replace(self, **{name: value for name, value in given.items() if name in known and value is not None})


def refuse_unknown_convention(noun: str, name: str | None, known: Mapping[str, str]) -> None:
    """`UsageError` with the known names, unless the name is None or known."""
    if name is not None and name not in known:
        raise UsageError(f"Unknown {noun} {name!r}. Known: {', '.join(sorted(known))}.")


def _part(path: str | Path, content: dict[str, Any], name: str) -> dict[str, Any]:
    """A table of the file, taken out of it; its keys may be written with hyphens, save those of columns to set."""
    part = content.pop(name, {})
    if not isinstance(part, dict):
        raise UsageError(f"{path}: {name} must be a table, [{name}]; found {part!r}.")
    return dict(part) if name == "set" else {key.replace("-", "_"): value for key, value in part.items()}


def _refuse_types(path: str | Path, reading: Mapping[str, Any]) -> None:
    for name, value in reading.items():
        if type(value) is not READING[name]:
            wanted = {str: "a text", int: "a whole number", bool: "true or false"}[READING[name]]
            raise UsageError(f"{path}: {name} under [read] must be {wanted}; found {value!r}.")


def _refuse_unknown(path: str | Path, given: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            if name in (*QUANTITY_COLUMNS, *LABEL_COLUMNS):
                hint = " Names of columns stand under [columns]."
            raise UsageError(f"{path}: unknown key {name!r}.{hint} Known: {', '.join(sorted(known))}.")
