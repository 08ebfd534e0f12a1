"""Published laws by name: coefficients as papers print them, and what runs say about them.

`data/published_laws.csv` holds them, with the place, the units, what N counts, the range of compute, and how each was
checked. A published law is no `Fit`: there are no runs behind it, so what it predicts has no interval.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from scalelaw.catalogue import data_folder
from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import stack_inputs
from scalelaw.laws import Law, get_law
from scalelaw.results import Finding, Interval, Unavailable
from scalelaw.runs import Floats, RunTable

VERIFIED = {
    "yes": "coefficients read in the authors' own code or released numbers",
    "secondary": "coefficients read in a note that quotes the paper, not in the paper",
    "no": "coefficients from memory: check against the paper before use",
}
NO_INTERVAL = "no runs stand behind a published law, and the paper prints no covariance of its coefficients"
FEWEST = 3
"""Groups of runs below which an offset has no interval."""


@dataclass(frozen=True)
class PublishedLaw:
    """A law as a paper prints it.

    Attributes:
        form: the formula as printed. formula: the label of the law it is here, or empty where it cannot be evaluated:
            exponents alone, or inputs that are not runs'.
        coefficients: by name, in the units of the paper.
        intervals: of coefficients, low and high, where the paper gives them; `intervals_are` says which.
        unit: of what it predicts. tokenizer, data: of its runs.
        n_counts: what N counts, in words; `params_convention`, its name in `scalelaw.counting` or empty.
        flops: the range of compute of its runs, FLOP, NaN where not known; `range` in words.
        verified: a key of `VERIFIED`. source: where the numbers were read.
    """

    name: str
    paper: str
    arxiv: str
    year: str
    place: str
    form: str
    formula: str
    coefficients: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    intervals_are: str
    unit: str
    tokenizer: str
    data: str
    n_counts: str
    params_convention: str
    flops: tuple[float, float]
    range: str
    method: str
    verified: str
    source: str
    notes: str

    @cached_property
    def law(self) -> Law:
        """The law it is; `UsageError` for one that cannot be evaluated."""
        if not self.formula:
            known = ", ".join(f"{name} = {value:g}" for name, value in self.coefficients.items())
            why = f" ({self.notes})" if self.notes else ""
            raise UsageError(
                f"{self.name} cannot be evaluated: of {self.form} this is all that is known here: {known}{why}. "
                "Next: scalelaw laws list --published shows which can."
            )
        return get_law(self.formula)

    @cached_property
    def natural(self) -> Floats:
        """The coefficients in the law's order, `[p]`."""
        return np.array([self.coefficients[name] for name in self.law.names])

    @property
    def citation(self) -> str:
        """Paper, year, arXiv number and place."""
        number = f"arXiv {self.arxiv}" if self.arxiv[:4].isdigit() else self.arxiv
        return ", ".join(part for part in (f"{self.paper} ({self.year})", number, self.place) if part)

    def predict(self, **inputs: ArrayLike) -> Floats:
        """What it predicts, in `unit`, at inputs by column name, broadcast together."""
        return np.asarray(self.law.predict(self.natural[None], stack_inputs(self.law, inputs))[0])

    def cautions(self) -> tuple[Finding, ...]:
        """What to know before using it at all."""
        found = []
        if self.verified != "yes":
            found.append(Finding("W_UNVERIFIED", "warning", f"{self.name}: {VERIFIED[self.verified]}"))
        if self.notes:
            found.append(Finding("I_PUBLISHED", "info", f"{self.name}: {self.notes}"))
        return tuple(found)

    def beyond(self, flops: float) -> tuple[Finding, ...]:
        """Whether a compute lies outside the range of the paper's runs, in words."""
        low, high = self.flops
        if math.isnan(high):
            where = f" (it says: {self.range})" if self.range else ""
            said = f"the range of compute of {self.name} is not on record{where}: how far this reaches is not known"
            return (Finding("I_RANGE", "info", said),)
        if low <= flops <= high:
            return ()
        times = f"{flops / high:.3g} times above" if flops > high else f"{low / flops:.3g} times below"
        said = f"{flops:.4g} FLOP is {times} the runs of {self.name}, {low:.3g} to {high:.3g} FLOP"
        return (Finding("W_RANGE", "warning", said),)


@dataclass(frozen=True)
class Against:
    """A published law beside runs it was not fitted to.

    Attributes:
        residuals: ln(observed / predicted) of every run, `[n]`.
        offset: the mean of these over groups, with its interval.
        scatter: their standard deviation about the offset, in log loss.
        order: Spearman's correlation of observed and predicted.
        findings: differences of units and of what N counts, and runs outside the law's range.
    """

    published: PublishedLaw
    runs: RunTable
    predicted: Floats
    residuals: Floats
    offset: Interval | Unavailable
    scatter: float
    order: float
    findings: tuple[Finding, ...]


def published_laws() -> Mapping[str, PublishedLaw]:
    """Every published law by name.

    >>> published_laws()["hoffmann-2022"].coefficients["E"]
    1.69
    """
    return _laws()


def get_published(name: str) -> PublishedLaw:
    """The published law of that name; `UsageError` gives the nearest names."""
    known = _laws()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"Unknown published law {name!r}.{hint} All {len(known)}: scalelaw laws list --published.")


def against(published: PublishedLaw, runs: RunTable, level: float = 0.95) -> Against:
    """Runs beside a published law: the offset, what scatters about it, and whether the two can be compared at all.

    The offset is the mean of ln(observed / predicted) over groups of runs, with Student's t interval: another corpus or
    tokenizer shifts a loss as a whole. A trend of the residuals says that the law has another shape than the runs.
    """
    law = published.law
    observed = law.observed(runs)
    predicted = np.asarray(law.predict(published.natural[None], law.read(runs))[0])
    residuals = np.log(observed / predicted)
    groups = np.unique(runs.group, return_inverse=True)[1]
    means = np.bincount(groups, residuals) / np.bincount(groups)
    constant = len(residuals) < FEWEST or np.ptp(observed) == 0 or np.ptp(predicted) == 0
    return Against(
        published,
        runs,
        predicted,
        residuals,
        _offset(means, level),
        float(residuals.std(ddof=1)) if len(residuals) > 1 else float("nan"),
        float("nan") if constant else float(stats.spearmanr(observed, predicted).statistic),
        (*published.cautions(), *_compared(published, runs), *_trend(residuals, np.log(runs.flops))),
    )


def _offset(means: Floats, level: float) -> Interval | Unavailable:
    target, unit = "mean of ln(observed / predicted)", "log"
    if len(means) < FEWEST:
        return Unavailable(target, f"{len(means)} groups of runs, and an interval needs {FEWEST}", unit)
    centre = float(means.mean())
    half = float(stats.t.ppf(0.5 + level / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
    return Interval(target, centre, centre - half, centre + half, level, f"t over {len(means)} groups", unit)


def _compared(published: PublishedLaw, runs: RunTable) -> list[Finding]:
    found = []
    ours, theirs = runs.conventions.params, published.params_convention
    if "n_params" in published.law.inputs and ours != theirs:
        counts = published.n_counts or "something it does not say"
        said = f"N counts {ours} in these runs, and in {published.name}: {counts}"
        found.append(Finding("W_PARAMS", "warning", said, knob="--params-convention"))
    if published.unit != runs.conventions.loss_unit and published.law.response == "loss":
        theirs = published.unit or "a unit not on record"
        said = f"the runs' loss is in {runs.conventions.loss_unit}, the law's in {theirs}"
        found.append(Finding("W_UNIT", "warning", said, knob="--loss-unit"))
    elif published.tokenizer and published.law.response == "loss":
        said = f"its loss is per token of {published.tokenizer}, on {published.data}: other text or tokens shift it"
        found.append(Finding("I_TOKENIZER", "info", said))
    if published.law.response != "loss" and published.law.identifiability:
        said = f"{published.name} is a law of optima. {published.law.identifiability.rstrip('.')}"
        found.append(Finding("W_OPTIMA", "warning", said))
    low, high = published.flops
    outside = (runs.flops < low) | (runs.flops > high)
    if outside.any():
        said = f"runs outside its {low:.3g} to {high:.3g} FLOP: {int(outside.sum())} of {len(runs)}"
        found.append(Finding("W_RANGE", "warning", said))
    elif math.isnan(high):
        found.append(Finding("I_RANGE", "info", f"the range of compute of {published.name} is not on record"))
    return found


def _trend(residuals: Floats, log_flops: Floats) -> list[Finding]:
    """A finding where residuals drift with compute, by the ordinary slope and its t test at 1 %."""
    if len(residuals) < 5 or not np.isfinite(log_flops).all() or np.ptp(log_flops) == 0 or np.ptp(residuals) == 0:
        return []
    line = stats.linregress(log_flops / np.log(10), residuals)
    if line.pvalue > 0.01:
        return []
    said = (
        f"residuals drift by {100 * line.slope:+.2g} % a decade of compute: the runs follow another curve, not a shift"
    )
    return [Finding("W_DRIFT", "warning", said)]


@cache
def _laws() -> Mapping[str, PublishedLaw]:
    path = data_folder() / "published_laws.csv"
    found: dict[str, PublishedLaw] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for line, row in enumerate(csv.DictReader(stream), start=2):
            if row["name"] in found or row["verified"] not in VERIFIED:
                problem = f"a name that stands there once, and verified as one of {', '.join(VERIFIED)}, are expected"
                raise DataError("E_PUBLISHED", problem, file=path, line=line, value=row["name"])
            found[row["name"]] = _law(row)
    return found


def _law(row: Mapping[str, str]) -> PublishedLaw:
    parts: dict[str, Any] = {name: row[name] for name in PublishedLaw.__dataclass_fields__ if name in row}
    ends = {name: text.split("..") for name, text in _pairs(row["intervals"]).items()}
    parts["formula"] = row["law"]
    parts["coefficients"] = {name: float(text) for name, text in _pairs(row["coefficients"]).items()}
    parts["intervals"] = {name: (float(low), float(high)) for name, (low, high) in ends.items()}
    parts["flops"] = (float(row["flops_low"] or "nan"), float(row["flops_high"] or "nan"))
    return PublishedLaw(**parts)


def _pairs(text: str) -> dict[str, str]:
    """`a=1; b=2` by name."""
    pairs = (part.split("=", 1) for part in text.split(";") if part.strip())
    return {name.strip(): value.strip() for name, value in pairs}
