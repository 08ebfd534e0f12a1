"""The command line: `scalelaw`. Each command is a thin file; what it needs is imported when it runs.

Data goes to stdout, progress and errors to stderr. Exit codes: 0 ok, 1 failure, 2 usage, 3 did not converge,
4 refused data, 130 interrupted (128 + n: stopped by signal n).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from scalelaw.cli import (
    approaches,
    backtest,
    check,
    compare,
    corpora,
    data,
    design,
    doctor,
    fit,
    forecast,
    kinds,
    laws,
    loss2loss,
    params,
    plan,
    predict,
    probe,
    report,
    runs,
    sweep,
)
from scalelaw.cli._commands import Commands
from scalelaw.cli._output import note

app = typer.Typer(
    name="scalelaw",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    help="Fit neural scaling laws to logged runs and plan training budgets, with honest intervals.",
    epilog="Exit codes: 0 ok, 1 failure, 2 usage, 3 did not converge, 4 refused data, 130 interrupted.",
)
app.command("runs")(runs.runs)
app.command("fit")(fit.fit)
app.command("predict")(predict.predict)
app.command("forecast")(forecast.forecast)
app.command("plan")(plan.plan)
app.command("design")(design.design)
app.command("backtest")(backtest.backtest)
app.command("compare")(compare.compare)
app.command("loss2loss")(loss2loss.loss2loss)
app.command("isoflop")(approaches.isoflop)
app.command("envelope")(approaches.envelope)
app.add_typer(report.app, name="report")
app.add_typer(laws.app, name="laws", cls=laws.Laws)
app.add_typer(data.app, name="data", cls=Commands)
app.command("objectives")(kinds.objectives)
app.command("intervals")(kinds.intervals)
app.command("doctor")(doctor.doctor)
app.add_typer(sweep.app, name="sweep", cls=Commands)
app.add_typer(check.app, name="check", cls=Commands)
app.add_typer(probe.app, name="probe", cls=Commands)
app.add_typer(corpora.app, name="corpora", cls=Commands)
app.add_typer(params.app, name="params", cls=Commands)


def _version(shown: bool) -> None:
    if shown:
        from scalelaw import __version__

        typer.echo(f"scalelaw {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", envvar="SCALELAW_CONFIG", help="Defaults of options: TOML, YAML or JSON."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fit neural scaling laws to logged runs and plan training budgets, with honest intervals."""
    if config is not None:
        from scalelaw.cli._config import load_config

        context.default_map = load_config(config, context.command, context)


def main() -> None:
    """Run the command line; an error scalelaw raised on purpose is one line on stderr and its exit code."""
    from scalelaw.errors import ScalelawError

    try:
        app()
    except ScalelawError as error:
        note(f"scalelaw: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        note(f"scalelaw: {error.strerror or error}: {error.filename}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
