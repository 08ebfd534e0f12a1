"""The kind of report that a file asks for, where none is named: `scalelaw report law.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalelaw.cli._commands import Commands
from scalelaw.cli._output import clean
from scalelaw.errors import UsageError

FLAGS = ("--open", "--quiet", "-q", "--coordinate-check", "--force")
"""Options that take no value."""


class Kinds(Commands):
    """The kinds of report; where none is named, what the file is says which."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the kind in front of arguments that name a file alone.

        Raises:
            UsageError: for a word that is neither a kind of report nor a file.
        """
        if args and args[0] not in self.commands and "--help" not in args:
            named = [arg for before, arg in zip(["", *args], args, strict=False) if _is_argument(before, arg)]
            kinds = [kind for arg in named if (kind := kind_of(Path(arg)))]
            if named and not kinds:
                known = ", ".join(sorted(self.commands))
                raise UsageError(f"There is no file and no kind of report {clean(named[0])!r}. Kinds: {known}.")
            args = [*kinds[:1], *args]
        return super().parse_args(ctx, args)


def _is_argument(before: str, arg: str) -> bool:
    """Whether a word is an argument, neither an option nor an option's value."""
    return not arg.startswith("-") and (not before.startswith("-") or "=" in before or before in FLAGS)


def kind_of(path: Path) -> str:
    """The kind of report that a file asks for; empty where there is no such file.

    A saved fit is reported as such, a sweep's file or store as a sweep, and any other file is a run table: laws are
    compared on it.
    """
    if path.is_dir():
        return "sweep" if any(path.glob("*/spec.json")) else "compare"
    if not path.is_file():
        return ""
    if path.suffix.lower() == ".toml":
        return "sweep"
    with path.open("rb") as file:
        return "fit" if b'"scalelaw/fit' in file.read(4096) else "compare"
