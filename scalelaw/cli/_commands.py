"""Help that lists every command with its whole first sentence."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

LONGEST = 400
"""Characters of a first sentence, at most."""


class Commands(TyperGroup):
    """A group of commands; Click's own cuts their descriptions off at the end of the line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list, each description over as many lines as it takes."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(LONGEST)) for name, command in found if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
