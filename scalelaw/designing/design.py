"""The verb: a fitted law and a budget become the runs that tell the most about what is wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scalelaw.designing.aims import Aims, aim
from scalelaw.designing.base import Design, Layout
from scalelaw.designing.belief import Belief, believe
from scalelaw.designing.candidates import Candidates, candidates
from scalelaw.designing.comparison import compare
from scalelaw.designing.criteria import CRITERIA
from scalelaw.designing.exchange import Choice, Indices, exchange
from scalelaw.designing.isoflop_grid import BUDGETS, SIZES, STEP, isoflop_grid
from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.numbers import format_quantity, parse_number
from scalelaw.results import Finding

POINTS = 15
"""Runs of a design, unless told."""
DRAWS = 24
"""Draws of the law a design is averaged over."""
RATIOS = (1.0, 2000.0)
"""Limits of D/N."""
TARGETS = ("100x", "1000x")
LACK_OF_FIT = 3
"""So many points beyond the law's parameters let a lack of fit be seen."""
SMALLEST = 1e-3
"""Runs are at least this share of the largest, and no smaller than the smallest the law was fitted to."""
WIDE = 1.0
"""Decades beyond the fitted runs at which a design warns."""


def design(
    fit: Fit,
    budget: float,
    *,
    points: int = POINTS,
    largest: float | None = None,
    smallest: float | None = None,
    ratios: tuple[float, float] = RATIOS,
    targets: Sequence[str | float] = TARGETS,
    criterion: str = "compound",
    alone: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> Design:
    """The runs, N, D and repeats, that leave the least variance at the targets for a budget of FLOP.

    Args:
        fit: the prior: its law, and the runs already made, which the design builds on unless `alone`.
        points: how many runs, repeats included; at least p + 3 lie apart, so that a lack of fit can show.
        largest: the most that a single run may cost, FLOP; by default that of an IsoFLOP grid of the same budget.
        smallest: the least, FLOP; by default that of the runs already made, at least a thousandth of the largest.
        ratios: limits of D/N.
        targets: budgets at which the loss and N_opt are wanted: FLOP, or `100x`, times the largest run of the design.
        criterion: a name of `CRITERIA`.
        draws: draws of the law over which the criterion is averaged, so that it rests on no single estimate.

    Raises:
        UsageError: for limits that leave nothing to choose, and for laws without N_opt.
        DataError: where the fit's runs do not determine its law.
    """
    if not (math.isfinite(budget) and budget > 0):
        raise UsageError(f"The budget is a positive number of FLOP, all runs together; found {budget:g}.")
    largest = default_largest(budget) if largest is None else largest
    smallest = default_smallest(fit, largest) if smallest is None else smallest
    refuse_limits(budget, points, smallest, largest, ratios, draws)
    at = tuple(parse_target(target, largest) for target in targets)
    belief, aims = aim(believe(fit, draws, seed, at, alone=alone), at)
    choices = candidates(smallest, largest, ratios)
    wanted = min(points, len(fit.law.params) + LACK_OF_FIT)
    choice = choose_among(belief, aims, choices, criterion)
    chosen = exchange(choice, points, budget, wanted, np.random.default_rng([seed, 1]))
    layout = laid_out(choices, chosen)
    grid = isoflop_grid(fit, layout.cost, largest)
    return Design(
        fit=fit,
        criterion=criterion,
        budget=budget,
        largest=largest,
        smallest=smallest,
        ratios=ratios,
        targets=at,
        layout=layout,
        reference=grid,
        verdict=compare(belief, aims, layout, grid, alone=alone),
        alone=alone,
        scatter=belief.scatter,
        draws=len(belief),
        seed=seed,
        findings=(*fit.findings, *_findings(belief, layout, budget)),
    )


def choose_among(belief: Belief, aims: Aims, choices: Candidates, criterion: str) -> Choice:
    """The problem that `exchange` solves."""
    X = belief.jacobian(choices.n_params, choices.n_tokens)
    return Choice(CRITERIA[criterion], aims, belief.information, X, choices.flops, choices.log_points)


def laid_out(choices: Candidates, chosen: Indices) -> Layout:
    """Chosen candidates with their repeats, cheapest first; `UsageError` below one parameter or token."""
    index, repeats = np.unique(chosen, return_counts=True)
    order = np.lexsort((choices.n_params[index], np.round(np.log(choices.flops[index]), 9)))
    index, repeats = index[order], repeats[order]
    N, D = choices.n_params[index], choices.n_tokens[index]
    if min(N.min(), D.min()) < 1:
        raise UsageError(
            f"The smallest runs of this design would have {N.min():.3g} parameters and {D.min():.3g} tokens. "
            "Next: a larger --budget or --smallest, or --min-ratio and --max-ratio nearer to one another."
        )
    return Layout(N, D, repeats.astype(float))


def parse_target(target: str | float, largest: float) -> float:
    """A target budget in FLOP: a number, or a multiple of the largest run written `100x`.

    >>> parse_target("100x", 3e19), parse_target("1e22", 3e19)
    (3e+21, 1e+22)
    """
    text = str(target).strip()
    try:
        value = parse_number(text[:-1]) * largest if text.endswith("x") else parse_number(text)
    except (ValueError, OverflowError):
        raise UsageError(f"A target is FLOP such as 1e22, or a multiple such as 100x; found {text!r}.") from None
    if not value > 0:
        raise UsageError(f"A target is a positive budget; found {text!r}.")
    return value


def default_largest(budget: float) -> float:
    """The largest run of an IsoFLOP grid that costs the budget: budget / (5 (1 + 10^-1/2 + 1/10))."""
    return budget / (SIZES * sum(STEP**-k for k in range(BUDGETS)))


def default_smallest(fit: Fit, largest: float) -> float:
    """The smallest run the law was fitted to, within a thousandth and a tenth of the largest."""
    made = float((6.0 * fit.runs.n_params * fit.runs.n_tokens).min())
    return float(np.clip(made, SMALLEST * largest, 0.1 * largest))


def refuse_limits(
    budget: float, points: int, smallest: float, largest: float, ratios: tuple[float, float], draws: int
) -> None:
    """Raise `UsageError` where the limits leave nothing to choose."""
    if points < 1 or draws < 1:
        raise UsageError(f"A design has at least one run and one draw; found {points} and {draws}.")
    if not 0 < ratios[0] <= ratios[1] < math.inf:
        raise UsageError(f"D/N lies between two positive numbers; found {ratios[0]:g} and {ratios[1]:g}.")
    if not 0 < smallest <= largest < math.inf:
        raise UsageError(
            f"A run costs between a smallest and a largest positive number of FLOP; found {smallest:.3g} and "
            f"{largest:.3g}. Next: change --smallest or --largest."
        )
    if points * smallest > budget * (1 + 1e-9):
        raise UsageError(
            f"{points} runs of at least {smallest:.3g} FLOP cost {points * smallest:.3g}, more than the budget of "
            f"{budget:.3g}. Next: fewer --points, or a smaller --smallest."
        )


def _findings(belief: Belief, layout: Layout, budget: float) -> list[Finding]:
    found, runs = [], belief.fit.runs
    reaches = {
        "N": (layout.n_params, runs.n_params),
        "D": (layout.n_tokens, runs.n_tokens),
    }
    for name, (wanted, made) in reaches.items():
        below, above = np.log10(made.min() / wanted.min()), np.log10(wanted.max() / made.max())
        if below > WIDE or above > WIDE:
            ends = f"{format_quantity(wanted.min())} to {format_quantity(wanted.max())}"
            seen = f"{format_quantity(made.min())} to {format_quantity(made.max())}"
            message = f"the design has {name} from {ends}, the law was fitted to {seen}: it is trusted to hold there"
            found.append(Finding("W_DESIGN_RANGE", "warning", message, (), "--min-ratio, --max-ratio, --smallest"))
    if len(belief) < belief.wanted:
        message = (
            f"{len(belief)} of {belief.wanted} draws of the law lie within its bounds and have an optimum: the runs "
            "already made know it poorly, and the design rests on few of its possible shapes"
        )
        found.append(Finding("W_FEW_DRAWS", "warning", message))
    if layout.cost < 0.95 * budget:
        message = f"the runs cost {layout.cost / budget:.0%} of the budget; more --points or a larger --largest use it"
        found.append(Finding("I_UNSPENT", "info", message, (), "--points, --largest"))
    wanted_points = len(belief.fit.law.params) + LACK_OF_FIT
    if layout.distinct < wanted_points:
        message = (
            f"{layout.distinct} distinct points; {wanted_points}, the law's parameters and {LACK_OF_FIT} more, would "
            "let a lack of fit be seen"
        )
        found.append(Finding("W_FEW_POINTS", "warning", message, (), "--points"))
    return found
