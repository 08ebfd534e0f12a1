"""`scalelaw doctor`: what this installation can do, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.doctor import Symptom


def doctor(format: options.OutputFormat = options.Format.table) -> None:
    """Show versions, optional parts, accelerator, cache, and a fit whose answer is known; fails if one is wrong.

    scalelaw doctor
    """
    from scalelaw import __version__
    from scalelaw.doctor import examine, installed_at

    found = []
    if format is options.Format.table:
        typer.echo(f"scalelaw {__version__}, in {installed_at()}\n")
    for symptom in (*examine(), _accelerator()):
        found.append(symptom)
        if format is options.Format.table:
            typer.echo(f"{symptom.verdict:6}  {symptom.name}: {symptom.found}")
            if symptom.remedy:
                typer.echo(f"        {symptom.remedy}")
    wrong = [symptom.name for symptom in found if symptom.verdict == "wrong"]
    if format is options.Format.json:
        output.write_json({"scalelaw": __version__, "healthy": not wrong, "symptoms": [asdict(s) for s in found]})
    elif format is options.Format.csv:
        output.write_csv([asdict(symptom) for symptom in found])
    else:
        typer.echo(f"\n{'wrong: ' + ', '.join(wrong) if wrong else 'healthy'}")
    if wrong:
        raise typer.Exit(1)


def _accelerator() -> Symptom:
    """What the runners would train on."""
    from scalelaw.doctor import Symptom

    try:
        from runners.metering import accelerators
    except ImportError:
        return Symptom("accelerator", "absent", "torch is not installed")
    names = accelerators()
    return Symptom("accelerator", "ok" if names else "absent", names or "torch sees none; runs are trained on the CPU")
