"""`scalelaw check`: proofs that a parametrization does what its theory says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from runners.probes.coordinate_check import CoordinateCheck

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check that a parametrization does what it claims.")


@app.callback()
def check() -> None:
    """Check that a parametrization does what it claims."""


@app.command("mup")
def mup(
    parametrization: Annotated[str, typer.Option(help="mup or standard.")] = "mup",
    widths: Annotated[str, typer.Option(metavar="W,W,...", help="Widths, multiples of 16.")] = "64,128,256,512",
    steps: Annotated[int, typer.Option(min=1, max=10, help="AdamW steps before the change is measured.")] = 3,
    seeds: Annotated[int, typer.Option(min=2, help="Seeds the standard errors come from.")] = 3,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Coordinate check: does what a model learns in a few steps keep its pace as the model widens?

    Prints the slope of each activation's change against width, on log scales: 0 under muP, growing under the standard
    parametrization. Exit code 1 if a slope is not as muP promises.

    scalelaw check mup --widths 64,128,256,512
    """
    from scalelaw.errors import MissingExtraError, ScalelawError

    try:
        from runners.probes.coordinate_check import Verdict, coordinate_check
    except ImportError:
        raise MissingExtraError("A coordinate check", "train") from None

    checked = coordinate_check(
        widths=_whole_numbers(widths), steps=steps, seeds=range(seeds), parametrization=parametrization
    )
    _write(checked, format)
    if checked.verdict is not Verdict.flat:
        raise ScalelawError(
            f"The {checked.spec.parametrization} parametrization {checked.verdict} with width. "
            "Next: tune the learning rate at every width, or use a parametrization that stays flat."
        )


def _write(checked: CoordinateCheck, format: options.Format) -> None:
    if format is options.Format.json:
        about = {"parametrization": checked.spec.parametrization, "widths": checked.widths, "lr": checked.spec.lr}
        about |= {"steps": checked.steps, "seeds": len(checked.seeds)}
        output.write_json({**about, "slopes": checked.rows(), "verdict": checked.verdict, "sentence": checked.sentence})
    elif format is options.Format.csv:
        output.write_csv(checked.rows())
    else:
        both = zip(checked.initial_slopes.items(), checked.change_slopes.values(), strict=True)
        cells = [[quantity, str(initial), str(change)] for (quantity, initial), change in both]
        typer.echo(output.aligned(cells, ["", "slope at start", f"slope of change, {checked.steps} steps"]))
        typer.echo(f"\n{checked.sentence}")


def _whole_numbers(text: str) -> list[int]:
    from scalelaw.errors import UsageError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--widths needs whole numbers such as 64,128,256; found {text!r}.") from None
