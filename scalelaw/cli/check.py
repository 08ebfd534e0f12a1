"""`scalelaw check`: proofs that a parametrization does what its theory says."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check that a parametrization does what it claims.")
