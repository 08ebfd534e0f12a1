"""The project's own run tables: in `data/` of a checkout, in `scalelaw/_data` of an installation."""

from __future__ import annotations

from pathlib import Path

from scalelaw.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def data_folder() -> Path:
    """Where the shipped tables lie."""
    installed = _PACKAGE / "_data"
    return installed if installed.is_dir() else _PACKAGE.parent / "data"


def shipped(name: str) -> Path:
    """The path of a shipped run table, by name; `UsageError` lists the names there are.

    >>> shipped("markov").name
    'runs.csv'
    """
    tables = {path.parent.name: path for path in sorted(data_folder().glob("*/runs.csv"))}
    if name not in tables:
        raise UsageError(f"Unknown shipped table {name!r}. Known: {', '.join(tables)}.")
    return tables[name]
