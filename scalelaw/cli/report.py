"""`scalelaw report`: a fit and a plan as one page that opens anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalelaw.cli import _options as options


def report(
    law: options.Law,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file; figures and numbers go beside it.")] = Path(
        "report.html"
    ),
    flops: options.Flops = None,
    times: options.Times = None,
    interval: options.IntervalMethod = "auto",
    replicates: options.Replicates = 1000,
    level: options.Level = 0.95,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
) -> None:
    """Write a self-contained HTML report with figures (SVG, PNG) and every number (JSON) beside it.

    scalelaw report law.json --times 10 -o report.html
    """
    from scalelaw.cli.plan import resolve_budget
    from scalelaw.errors import MissingExtraError, UsageError
    from scalelaw.fit_file import load_fit
    from scalelaw.intervals import uncertainty
    from scalelaw.planning import plan

    try:
        from reports import fit_report, write_report
    except ImportError:
        raise MissingExtraError("A report", "report") from None

    if out.with_suffix(".json").resolve() == law.resolve():
        raise UsageError(f"The numbers of {out} would overwrite the fit {law}. Next: give --out another name.")
    fitted = load_fit(law)
    known = uncertainty(fitted, interval, replicates=replicates, seed=seed, workers=workers)
    planned = None
    if flops is not None or times is not None:
        planned = plan(fitted, resolve_budget(fitted, flops, times), draws=known, level=level)
    for path in write_report(fit_report(fitted, known, planned), out):
        typer.echo(str(path))
