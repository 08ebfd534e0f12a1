"""A sweep to report on: its runs as they stand, watched until they have ended, and its parametrization checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scalelaw.cli import _output as output
from scalelaw.cli._report_kinds import kind_of

if TYPE_CHECKING:
    from reports.sweep_runs import SweepRuns
    from runners.probes.coordinate_check import CoordinateCheck


def runs_now(sweep: Path, store: Path) -> SweepRuns:
    """The runs as they stand now: those of a sweep's file, a store or a table."""
    from reports.sweep_runs import read_sweep, sweep_of

    if sweep.suffix.lower() == ".toml":
        from scalelaw.cli._sweep_file import load_sweep

        loaded = load_sweep(sweep)
        return read_sweep(store / loaded.name, loaded.name, {spec.run_id: spec.as_dict() for spec in loaded.specs})
    if kind_of(sweep) != "compare":
        return read_sweep(sweep)
    from scalelaw.readers import read_runs

    return sweep_of(read_runs(sweep), sweep.resolve().parent.name if sweep.stem == "runs" else sweep.stem)


def watch_runs(look: Callable[[], SweepRuns], write: Callable[[SweepRuns, int, bool], None], every: int) -> None:
    """Write the report every so many seconds until every known run has ended.

    `write` takes the runs, the seconds after which the page loads itself again, and whether it is the first time. The
    last page, written when all has ended or on Ctrl-C, stays as it is.
    """
    said = ""
    try:
        while not (found := look()).settled:
            write(found, every, not said)
            standing = f"{len(found.of('finished'))} of {len(found.runs)} runs are finished"
            if standing != said:
                output.note(standing)
            said = standing
            time.sleep(every)
    except KeyboardInterrupt:
        write(look(), 0, not said)
        raise
    write(found, 0, not said)


def check_coordinates(sweep: Path, found: SweepRuns) -> CoordinateCheck:
    """A coordinate check of the sweep's first run over the sweep's widths."""
    from scalelaw.errors import DataError, MissingExtraError

    try:
        from runners.probes.coordinate_check import coordinate_check
    except ImportError:
        raise MissingExtraError("A coordinate check", "train") from None
    from runners.spec import TrainSpec

    described = [run.spec for run in found.runs if run.spec]
    if not described:
        raise DataError("E_SPEC", "no run says what it is made of", file=sweep, remedy="name the sweep's TOML file")
    spec = TrainSpec(**described[0])
    widths = sorted({int(fields["width"]) for fields in described})
    return coordinate_check(spec, values=widths) if len(widths) > 1 else coordinate_check(spec)
