"""What a comparison says in tables: the laws, each rival against the best, errors by distance, every prediction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from reports.base import Cell, Quantity, Range, Table
from reports.wording import clip, count, percent
from scalelaw.comparing import Candidate, Comparison
from scalelaw.runs import Floats

Verdict = Literal["better", "worse", "not settled"]
EDGES = (0.0, 0.25, 0.5, 1.0, 2.0, math.inf)
"""Decades beyond a cut between which errors are told apart."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Another law against the best one, on the same held-out runs.

    `difference` is its mean squared log error less that of the best, from `low` to `high` at the comparison's level:
    Student's t around a sum over held-out groups of runs. The verdict is on the rival.
    """

    law: str
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """Whether it predicted better or worse; not settled where the interval holds zero."""
        if self.low <= 0.0 <= self.high:
            return "not settled"
        return "worse" if self.difference > 0 else "better"


def rivals(comparison: Comparison) -> list[Rival]:
    """Every other candidate against the best, in their order."""
    best = _squares(comparison.best)[0]
    found = []
    for candidate in comparison.candidates:
        if candidate is comparison.best:
            continue
        squares, groups = _squares(candidate)
        by_group = np.bincount(np.unique(groups, return_inverse=True)[1], weights=squares - best)
        n, difference, half = len(by_group), float(by_group.sum()), math.inf
        if n > 1:
            reach = float(stats.t.ppf(0.5 + comparison.level / 2, n - 1))
            half = reach * math.sqrt(n) * float(by_group.std(ddof=1))
        found.append(Rival(candidate.label, difference, difference - half, difference + half))
    return found


def _squares(candidate: Candidate) -> tuple[Floats, list[str]]:
    """Squared log errors of all predictions, each by its share in the mean over cuts, and the group of its run."""
    squares: list[Floats] = []
    groups: list[str] = []
    for cut in candidate.backtest.cuts:
        near = cut.decades <= candidate.backtest.horizon
        squares.append(cut.log_errors[near] ** 2 / (near.sum() * len(candidate.backtest.cuts)))
        groups += [group for group, kept in zip(cut.held_out.group, near, strict=True) if kept]
    return np.concatenate(squares), groups


def laws_table(comparison: Comparison) -> Table:
    """The laws, best first by what ranks them."""
    inside = f"inside {percent(comparison.level)}"
    columns = (
        *("law", "formula", "parameters", "backtest error, %", f"{inside}, %", "interval width, %", "score, %"),
        *("AICc", "BIC", "weight"),
    )
    caption = (
        "Error is the root mean square of ln(predicted/observed) over the held-out runs, every cut counting alike; "
        "width and score are of the prediction intervals in log loss (Gneiting and Raftery 2007), less is better. AICc "
        "and BIC are of the fit to all runs. Weight is the law's share in the average."
    )
    return Table("laws", "The laws", columns, tuple(map(_law_row, comparison.candidates)), caption)


def _law_row(candidate: Candidate) -> tuple[Cell, ...]:
    backtest, criteria = candidate.backtest, candidate.criteria
    judged = (backtest.error, backtest.coverage, backtest.width, backtest.score)
    shares = (Quantity(100.0 * value) for value in judged)
    rest = (Quantity(criteria.aicc), Quantity(criteria.bic), Quantity(candidate.weight))
    return candidate.label, candidate.fit.law.formula, candidate.parameters, *shares, *rest


def rival_table(comparison: Comparison) -> Table | None:
    """Each other law against the best; None where there is no other."""
    scale = 1e4  # squared shares as squared percent
    rows = tuple(
        (rival.law, Quantity(scale * rival.difference), Range(scale * rival.low, scale * rival.high), rival.verdict)
        for rival in rivals(comparison)
    )
    if not rows:
        return None
    columns = ("law", "mean squared error more, %²", f"{percent(comparison.level)} interval", "verdict")
    caption = (
        "Mean squared ln(predicted/observed), in squared percent, less that of the best law on the same held-out runs; "
        "the interval is Student's t with groups of runs as its units. One that holds zero settles nothing."
    )
    return Table("rivals", f"Against {comparison.best.label}", columns, rows, caption)


def distance_table(comparison: Comparison) -> Table | None:
    """Which law predicted best how far beyond the fitted runs; None where only one was compared."""
    if len(comparison.candidates) < 2:
        return None
    by_law = {candidate.label: candidate.backtest.by_distance(EDGES) for candidate in comparison.candidates}
    rows = []
    for parts in zip(*by_law.values(), strict=True):
        low, high, n = parts[0].low, parts[0].high, parts[0].predictions
        errors = {label: part.error for label, part in zip(by_law, parts, strict=True)}
        reach = f"{low:g} to {high:g}" if math.isfinite(high) else f"beyond {low:g}"
        cells = (Quantity(100.0 * error) for error in errors.values())
        rows.append((reach, n, *cells, min(errors, key=lambda label: errors[label])))
    columns = ("decades beyond", "predictions", *(f"{label}, %" for label in by_law), "least error")
    caption = (
        "Root mean square of ln(predicted/observed) by how far the held-out runs lie beyond the largest fitted one."
    )
    return Table("distances", "Which law wins where", columns, tuple(rows), caption)


def prediction_table(comparison: Comparison) -> Table:
    """Every held-out run at every cut, as each law predicted it."""
    rows: list[tuple[Cell, ...]] = []
    for candidate in comparison.candidates:
        for cut in candidate.backtest.cuts:
            held_out = zip(
                *(cut.held_out.run_id, cut.decades, cut.observed, cut.predicted, cut.ends, cut.held), strict=True
            )
            rows += [
                (
                    *(candidate.label, len(cut.held_out), clip(run), Quantity(float(decades))),
                    *(Quantity(float(observed)), Quantity(float(predicted)), Range(float(ends[0]), float(ends[1]))),
                    *(Quantity(100.0 * float(predicted / observed - 1.0)), "yes" if held else "no"),
                )
                for run, decades, observed, predicted, ends, held in held_out
            ]
    columns = (
        *("law", "held out at this cut", "run", "decades beyond", "observed, nats/token", "predicted, nats/token"),
        *(f"{percent(comparison.level)} prediction interval", "error, %", "inside"),
    )
    cuts = count(len(comparison.best.backtest.cuts), "cut")
    method = f"Intervals by {comparison.method}, of the fits to the smaller runs at {cuts}."
    return Table("predictions", "Every prediction", columns, tuple(rows), method)
