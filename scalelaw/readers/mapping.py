"""What the caller says about a table: the names of its columns, and the conventions it cannot state itself."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from scalelaw.counting import FLOPS_CONVENTIONS, PARAMS_CONVENTIONS
from scalelaw.errors import UsageError

QUANTITY_COLUMNS = ("loss", "n_params", "n_params_non_embedding", "n_tokens", "flops", "weight")
LABEL_COLUMNS = ("run_id", "group")
CONVENTION_COLUMNS = ("params_convention", "flops_convention", "loss_unit")
"""Columns in which a table says how it counts. `write_runs` writes all three."""


@dataclass(frozen=True)
class ColumnMap:
    """Names of columns, and conventions a file cannot state itself. None: look for the usual names.

    `loss_unit` is nats, bits or bpb; bits per byte need `bytes_per_token`. `params_convention` and `flops_convention`
    are names in `scalelaw.counting`.

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

    def __post_init__(self) -> None:
        refuse_unknown_convention("params convention", self.params_convention, PARAMS_CONVENTIONS)
        refuse_unknown_convention("FLOPs convention", self.flops_convention, FLOPS_CONVENTIONS)
        bytes_per_token = self.bytes_per_token
        if bytes_per_token is None:
            return
        if not isinstance(bytes_per_token, int | float) or not 0 < bytes_per_token < float("inf"):
            raise UsageError(f"Bytes per token must be a positive number; found {bytes_per_token!r}.")

    @classmethod
    def load(cls, path: str | Path) -> ColumnMap:
        """A map from a TOML file: names under `[columns]`; `loss_unit`, `params`, `flops`, `bytes_per_token` above."""
        try:
            content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: not readable as a TOML mapping: {error}") from None
        names: dict[str, Any] = {key.replace("-", "_"): str(value) for key, value in content.pop("columns", {}).items()}
        renamed = {"params": "params_convention", "flops": "flops_convention"}
        settings: dict[str, Any] = {renamed.get(key, key.replace("-", "_")): value for key, value in content.items()}
        _refuse_unknown(path, names, (*QUANTITY_COLUMNS, *LABEL_COLUMNS))
        _refuse_unknown(path, settings, (*CONVENTION_COLUMNS, "bytes_per_token"))
        return cls(**names, **settings)

    def updated(self, **given: Any) -> ColumnMap:
        """This map with what was given put over it; None leaves a name as it is."""
        mine: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        return ColumnMap(**{name: mine[name] if given.get(name) is None else given[name] for name in mine})


def refuse_unknown_convention(noun: str, name: str | None, known: Mapping[str, str]) -> None:
    """`UsageError` with the known names, unless the name is None or known."""
    if name is not None and name not in known:
        raise UsageError(f"Unknown {noun} {name!r}. Known: {', '.join(sorted(known))}.")


def _refuse_unknown(path: str | Path, given: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{path}: unknown key {name!r}.{hint} Known: {', '.join(sorted(known))}.")
