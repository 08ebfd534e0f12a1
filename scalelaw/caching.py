"""Where what is made from a corpus once is kept: `$SCALELAW_CACHE`, or the user's cache folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """The cache's folder."""
    chosen = os.environ.get("SCALELAW_CACHE")
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(root) / "scalelaw"


def cached(name: str, write: Callable[[Path], None]) -> Path:
    """The file of that name, made by `write` where it is absent: wholly there or not at all.

    Two processes may make it at once; each writes a file of its own, and what a name says decides its content.
    """
    path = folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{os.getpid()}-{path.name}")
        try:
            write(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path
