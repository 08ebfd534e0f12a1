"""What Debian's package manager knows of installed packages, read from its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/var/lib/dpkg")


def version_of(package: str, root: Path = ROOT) -> str:
    """`PACKAGE VERSION`, or the name alone where it is not installed by dpkg."""
    try:
        status = (root / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return package
    found = re.search(rf"^Package: {re.escape(package)}\n(?:.+\n)*?Version: (.+)$", status, re.MULTILINE)
    return f"{package} {found[1]}" if found else package


def files_of(package: str, root: Path = ROOT) -> Iterator[Path]:
    """The package's files; none where it is not installed."""
    listing = root / "info" / f"{package}.list"
    if listing.exists():
        yield from map(Path, listing.read_text(encoding="utf-8").splitlines())
