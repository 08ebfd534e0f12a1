"""`scalelaw check`: proofs that a parametrization does what its theory says."""

from __future__ import annotations

from typing import Annotated

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check that a parametrization does what it claims.")
