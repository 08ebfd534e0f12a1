"""Checks, one trap (or one family that shares a detector) to a file: runs and their fit become findings.

The traps are numbered as published failures of scaling-law studies:

     1 a mean instead of a sum       9 N without embeddings      17 tokens miscounted
     2 loose tolerances             10 warm-up too long          18 tokenizers and units mixed
     3 replicates that never move   11 learning rate untuned     19 6 N D at small N
     4 constants rounded            12 schedule not matched      20 E or an exponent not identified
     5 implausible precision        13 N ambiguous               21 parameter error only, beyond the data
     6 a few runs decide            14 IsoFLOP parabola's bias   22 downstream metrics
     7 local minima                 15 IsoFLOP minimum at edge   23 runs selected by outcome
     8 D/N fixed                    16 seeds as independent      24 under-reporting
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scalelaw.checks.base import Check, Checked, Claim, Subject
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import Draws
from scalelaw.laws import Law, get_law
from scalelaw.objectives import Objective
from scalelaw.registry import Registry
from scalelaw.runs import RunTable

CHECKS: Registry[Check] = Registry("scalelaw.checks", "check")


def check(
    subject: Fit | RunTable,
    *,
    law: str | Law = "chinchilla",
    objective: str | Objective | None = None,
    only: Sequence[str] = (),
    claimed: Mapping[str, float | str] | None = None,
    draws: Draws | None = None,
    seed: int = 0,
) -> tuple[Checked, ...]:
    """Look for every trap in a fit, or in runs and the fit of `law` to them.

    Runs that no fit can be made of are checked all the same: the refusal is a finding of `identified`, and the checks
    that need a fit say that they could not look.

    Args:
        law, objective, seed: of the fit that is made where runs are given.
        only: names of checks; all of them by default.
        claimed: constants that someone else printed for these runs, and their standard errors under `<name>_se`;
            a text such as "0.340" keeps its last digit.
        draws: replicates of the fit.

    Raises:
        UsageError: for an unknown check or parameter.
    """
    chosen = [CHECKS[name] for name in only] or sorted(CHECKS, key=lambda kind: kind.numbers)
    about = _subject(subject, get_law(law), objective, claimed or {}, draws, seed)
    return tuple(kind.look(about) for kind in chosen)


def _subject(
    given: Fit | RunTable,
    law: Law,
    objective: str | Objective | None,
    claimed: Mapping[str, float | str],
    draws: Draws | None,
    seed: int,
) -> Subject:
    if isinstance(given, Fit):
        return Subject(given.runs, given.law, lambda: given, Claim.of(claimed, given.law), draws)

    def attempt() -> Fit:
        return fit(law, given, seed=seed) if objective is None else fit(law, given, objective, seed=seed)

    return Subject(given, law, attempt, Claim.of(claimed, law), draws)


__all__ = ["CHECKS", "Check", "Checked", "Claim", "Subject", "check"]
