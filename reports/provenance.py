"""What made a report, so that it can be made again."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from reports.base import Cell, Table
from scalelaw import __version__
from scalelaw.fitting import Fit
from scalelaw.intervals import Uncertainty
from scalelaw.runs import Exclusion, RunTable


def versions() -> dict[str, Cell]:
    """The versions that may change a last digit."""
    libraries = {name: version(name) for name in ("numpy", "scipy")}
    return {"scalelaw": __version__, **libraries, "python": platform.python_version()}


def of_runs(runs: RunTable) -> dict[str, Cell]:
    """The table, by its fingerprint, and how it counts."""
    return {
        "data fingerprint": runs.fingerprint,
        "runs": len(runs),
        "parameter convention": runs.conventions.params,
        "FLOP convention": runs.conventions.flops,
        "unit of the logged losses": runs.conventions.loss_unit,
    }


def of_fit(fit: Fit, known: Uncertainty) -> Mapping[str, Cell]:
    """A fit, its intervals and its runs."""
    return {
        "law": fit.law.label,
        "formula": fit.law.formula,
        "source of the law": fit.law.source,
        "objective": fit.objective.label,
        "seed of the starts": fit.seed,
        "interval method": known.method,
        **of_runs(fit.runs),
        **versions(),
    }


def sources_table(runs: RunTable) -> Table | None:
    """The files the runs were read from; None where the table was made in memory."""
    rows = tuple((source.file, source.sha256) for source in runs.sources)
    return Table("sources", "Source files", ("file", "sha256"), rows) if rows else None


def excluded_table(excluded: Sequence[Exclusion]) -> Table | None:
    """The runs left out, with where they stood and why; None where there are none."""
    rows = tuple((e.run_id, e.file or None, e.line or None, e.reason) for e in excluded)
    if not rows:
        return None
    return Table("excluded", "Excluded runs", ("run", "file", "line", "reason"), rows)
