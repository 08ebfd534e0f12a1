"""`scalelaw design`: which runs to make, so that a budget for pilots tells the most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from runners.realising import Realised
    from scalelaw.designing import Design, Next


def _flop(help: str) -> Any:
    return typer.Option(parser=options.number, metavar="FLOP", help=help)


def _ratio(help: str) -> Any:
    return typer.Option(parser=options.number, metavar="X", help=help, rich_help_panel="Limits")


def design(
    law: options.Law,
    budget: Annotated[float | None, _flop("What all runs may cost together, 6 N D.")] = None,
    points: Annotated[int | None, typer.Option(min=1, help="Runs, repeats included.  [default: 15]")] = None,
    next_count: Annotated[
        int | None,
        typer.Option("--next", min=1, metavar="K", help="Only the K runs to make next, given those made."),
    ] = None,
    largest: Annotated[
        float | None,
        _flop("The most one run may cost.  [default: as an IsoFLOP grid of the budget; with --next the largest made]"),
    ] = None,
    smallest: Annotated[
        float | None, _flop("The least one run may cost.  [default: the smallest made, at least largest/1000]")
    ] = None,
    target_flops: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLOP",
            help="Budget at which loss and N_opt are wanted, or 100x the largest run; repeat.  [default: 100x, 1000x]",
        ),
    ] = None,
    criterion: Annotated[
        str, typer.Option(help="What is made small: compound, loss (I), n_opt, decision, determinant (D).")
    ] = "compound",
    min_ratio: Annotated[float | None, _ratio("Least tokens per parameter D/N.  [default: 1]")] = None,
    max_ratio: Annotated[float | None, _ratio("Most tokens per parameter D/N.  [default: 2000]")] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Leave the runs already made out: the new ones must stand by themselves.")
    ] = False,
    sweep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the runs as a file for: scalelaw sweep run")
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A sweep's file whose [base] the runs share.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a sweep file that is something else.")] = False,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the law that the design is averaged over.")] = 24,
    seed: options.Seed = 0,
    figure: options.FigureFile = None,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Design the runs that tell the most about a large budget, for the least compute.

    From a saved fit and what its runs leave uncertain: N, D and repeats that make the variance of the loss and of the
    best size N_opt small at the targets, averaged over draws of the law, compared with an IsoFLOP grid of equal cost.

    scalelaw design law.json --budget 2e20 --largest 3e19 --sweep pilots.toml

    scalelaw design law.json --next 1
    """

    from scalelaw.designing import design as make_design
    from scalelaw.designing import next_runs
    from scalelaw.designing.design import POINTS, RATIOS, TARGETS
    from scalelaw.errors import UsageError
    from scalelaw.fit_file import load_fit

    if budget is None and next_count is None:
        raise UsageError("Give the budget as --budget FLOP, all runs together, or ask for --next 1.")
    if next_count is not None and alone:
        raise UsageError("--next builds on the runs already made; --alone leaves them out. Give one of them.")
    if next_count is not None and points is not None:
        raise UsageError(f"--next {next_count} says how many runs there are, and so does --points. Give one of them.")
    if sweep is None and (template is not None or force):
        raise UsageError("--template and --force belong to --sweep FILE.")
    fitted = load_fit(law)
    limits: dict[str, Any] = {
        "largest": largest,
        "smallest": smallest,
        "ratios": (RATIOS[0] if min_ratio is None else min_ratio, RATIOS[1] if max_ratio is None else max_ratio),
        "targets": target_flops or TARGETS,
        "criterion": criterion,
        "draws": draws,
        "seed": seed,
    }
    made: Design | Next
    if next_count is not None:
        made = next_runs(fitted, next_count, budget, **limits)
    else:
        assert budget is not None
        made = make_design(fitted, budget, points=POINTS if points is None else points, alone=alone, **limits)
    realised = _realise(made, sweep, template, force) if sweep else ()
    _write(made, realised, format)
    if sweep:
        output.note(f"wrote {sweep}")
    if figure:
        from reports.design_figure import design_figure
        from reports.probe_figures import write_panels

        write_panels([design_figure(made)], figure)
        output.note(f"wrote {figure}")


def _write(made: Design | Next, realised: Sequence[Realised], format: options.Format) -> None:
    from scalelaw.cli import _design_output as shown
    from scalelaw.cli._sweep_file import realised_rows, realised_table
    from scalelaw.designing import Design

    if format is options.Format.json:
        plain = shown.design_as_json(made) if isinstance(made, Design) else shown.next_as_json(made)
        output.write_json(plain | ({"realised": realised_rows(realised)} if realised else {}))
        return
    if format is options.Format.csv:
        output.write_csv(shown.layout_rows(made.layout) if isinstance(made, Design) else shown.next_rows(made))
        return
    if isinstance(made, Design):
        shown.write_design(made)
    else:
        shown.write_next(made)
    if realised:
        typer.echo(f"\nnearest models that can be trained\n{realised_table(realised)}")


def _realise(made: Design | Next, sweep: Path, template: Path | None, force: bool) -> tuple[Realised, ...]:
    from scalelaw.cli._sweep_file import write_sweep_file

    runs = made.fit.runs
    about = [
        f"{made.criterion} design of {made.layout.runs:g} runs, {made.layout.cost:.4g} FLOP = 6 N D",
        f"from {made.fit.law.label} fitted to {len(runs)} runs, {runs.fingerprint}",
    ]
    return write_sweep_file(
        made.layout.each_run(),
        template,
        sweep,
        name=sweep.stem,
        convention=runs.conventions.params,
        force=force,
        about=about,
    )
