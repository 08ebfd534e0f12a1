"""What a fit report says in tables: parameters, plan, excluded rows, sources, and the checklist of what was done."""

from __future__ import annotations

import numpy as np

from reports.base import Cell, Quantity, Range, Table
from reports.wording import count, quantity
from scalelaw.counting import FLOPS_CONVENTIONS, PARAMS_CONVENTIONS
from scalelaw.fitting import Fit
from scalelaw.intervals import LEVEL, Uncertainty
from scalelaw.perturbing import sensitivity
from scalelaw.planning import Plan
from scalelaw.results import Interval, Unavailable

NAMED = 3
"""How many of the runs left out a row of the sensitivity table names; the JSON of `scalelaw fit` names all."""
NOT_IDENTIFIED = "not identified by these runs"


def parameter_table(fit: Fit, known: Uncertainty) -> Table:
    """Every parameter of the law; one the runs do not identify gets words and no number."""
    return Table(
        "parameters",
        "Parameters",
        ("parameter", "estimate", f"{LEVEL:.0%} interval", "unit", "meaning"),
        tuple(_parameter_row(fit, known, i) for i in range(len(fit.law.params))),
        f"Intervals: {known.method}.",
    )


def _parameter_row(fit: Fit, known: Uncertainty, i: int) -> tuple[Cell, ...]:
    param = fit.law.params[i]
    unit = param.unit.replace(" x ", " × ")
    if not fit.identified(param.name):
        return param.name, NOT_IDENTIFIED, None, unit, param.meaning
    interval = known.interval(param.name)
    return param.name, Quantity(fit.value(param.name), param.unit), _ends(interval), unit, param.meaning


def _ends(interval: Interval | Unavailable) -> Cell:
    if isinstance(interval, Unavailable):
        return f"not available: {interval.reason}"
    return Range(interval.low, interval.high, interval.unit)


def plan_table(plan: Plan) -> Table:
    """Every number of a plan, with its unit, interval and method."""
    intervals = (
        ("parameters N*", plan.n_params),
        ("tokens D*", plan.n_tokens),
        ("tokens per parameter D*/N*", plan.tokens_per_param),
        ("loss of the law there", plan.loss),
        ("loss of a new run there", plan.new_run),
        ("the same, with model discrepancy", plan.extrapolated),
    )
    notes = {interval.note for _, interval in intervals if isinstance(interval, Interval)}
    common = notes.pop() if len(notes) == 1 else ""
    rows = [_plan_row(label, interval, common) for label, interval in intervals]
    bands = [_band_row(100 * b.excess, b.n_params_low, b.n_params_high) for b in plan.bands]
    reach = plan.reach
    beyond = (("C", reach.flops), ("N", reach.n_params), ("D", reach.n_tokens))
    decades = [(f"{x} beyond the largest run", Quantity(v), None, "decades", "log10 of the ratio") for x, v in beyond]
    budget = ("budget C = 6ND", Quantity(plan.flops), None, "FLOP", "given")
    columns = ("quantity", "value", "interval", "unit", "how")
    methods = list(dict.fromkeys(i.method for _, i in intervals if isinstance(i, Interval)))
    # The last one extends the first by the discrepancy; the shared beginning is said once.
    told = [method.removeprefix(f"{methods[0]}; ") if i else method for i, method in enumerate(methods)]
    caption = f"Intervals: {'; '.join(filter(None, (*told, common))) or 'none'}."
    return Table("plan", "Plan", columns, (budget, *rows, *bands, *decades), caption)


def _plan_row(label: str, interval: Interval | Unavailable, said: str) -> tuple[Cell, ...]:
    if isinstance(interval, Unavailable):
        return label, "not available", None, interval.unit, interval.reason
    how = f"{interval.level:.0%} {interval.kind} interval"
    notes = f"{how}; {interval.note}" if interval.note and interval.note != said else how
    return label, Quantity(interval.estimate, interval.unit), _ends(interval), interval.unit, notes


def _band_row(excess: float, low: float, high: float) -> tuple[Cell, ...]:
    label = f"sizes within {excess:g}% of the best loss"
    return label, None, Range(low, high, "parameters"), "parameters", "the law at the estimate, D = C/(6N)"


def excluded_table(fit: Fit) -> Table | None:
    """The runs left out, with where they stood and why; None where there are none."""
    rows = tuple((e.run_id, e.file or None, e.line or None, e.reason) for e in fit.runs.excluded)
    if not rows:
        return None
    return Table("excluded", "Excluded runs", ("run", "file", "line", "reason"), rows)


def sources_table(fit: Fit) -> Table | None:
    """The files the runs were read from; None where the table was made in memory."""
    rows = tuple((source.file, source.sha256) for source in fit.runs.sources)
    return Table("sources", "Source files", ("file", "sha256"), rows) if rows else None


def sensitivity_table(fit: Fit) -> Table:
    """What the estimates would be if one choice behind the fit had been another."""
    names = [name for name in fit.law.names if fit.identified(name)]
    units = {param.name: param.unit for param in fit.law.params}
    rows = tuple(
        (
            change.what,
            *(Quantity(change.estimate[name], units[name]) for name in names),
            None if change.n_params is None else Quantity(change.n_params, "parameters"),
            _named(change.runs),
        )
        for change in sensitivity(fit)
    )
    columns = ("if instead", *names, "N* at 10 times the largest compute", "runs left out")
    return Table("sensitivity", "What changes if one choice is changed", columns, rows)


def _named(runs: tuple[str, ...]) -> str | None:
    more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    return ", ".join(runs[:NAMED]) + more or None


def checklist_table(fit: Fit, known: Uncertainty, plan: Plan | None = None) -> Table:
    """What a reader needs to repeat the fit, after the checklist of Li et al. 2025, arXiv 2502.18969."""
    runs, certificate = fit.runs, fit.certificate
    rows = (
        ("What is the form of the law, and of which variables?", f"{fit.law.formula}, of {', '.join(fit.law.inputs)}"),
        ("How many runs, and how many independent ones?", _independent(fit)),
        ("Over which sizes, tokens and compute?", _spans(fit)),
        ("How are parameters counted?", _known(PARAMS_CONVENTIONS, runs.conventions.params)),
        ("How is compute counted?", _known(FLOPS_CONVENTIONS, runs.conventions.flops)),
        ("How was the loss measured?", f"logged in {runs.conventions.loss_unit}, fitted in nats/token"),
        ("Which runs were left out?", f"{count(len(runs.excluded), 'run')}, each listed with its reason"),
        ("What was minimised?", fit.objective.label),
        ("How was the optimum sought?", f"{certificate.starts} starts (seed {fit.seed}), {_agreement(fit)}"),
        ("How are the parameters bounded?", _bounds(fit)),
        ("How was uncertainty estimated?", "; ".join(filter(None, (known.method, known.note)))),
        ("Was the law tested on runs beyond the fitted ones?", _tested(plan)),
        ("Learning-rate schedule, batch size, data and tokenizer of the runs?", "not recorded in the run table"),
    )
    return Table("checklist", "What was done", ("question", "answer"), rows)


def _tested(plan: Plan | None) -> str:
    if plan is None or isinstance(plan.extrapolated, Unavailable):
        return "not in this report"
    return "the largest runs were held out in turn: the model discrepancy of the plan is what they show"


def _independent(fit: Fit) -> str:
    n, groups = len(fit.runs), len(fit.runs.groups)
    return f"{count(n, 'run')} in {count(groups, 'group')}" if groups < n else f"{count(n, 'run')}, each independent"


def _spans(fit: Fit) -> str:
    quantities = (("N", "n_params", "parameters"), ("D", "n_tokens", "tokens"), ("C", "flops", "FLOP"))
    columns = [(letter, unit, getattr(fit.runs, name)) for letter, name, unit in quantities]
    spans = [
        f"{letter} {quantity(v.min(), unit, 3)} to {quantity(v.max(), unit, 3)}"
        for letter, unit, v in columns
        if np.isfinite(v).all()
    ]
    return ", ".join(spans) or "not logged"


def _known(conventions: dict[str, str], name: str) -> str:
    return f"{name}: {conventions[name]}" if name in conventions else name


def _agreement(fit: Fit) -> str:
    return f"{fit.certificate.share_agreeing:.0%} of which end within 1e-9 of the best"


def _bounds(fit: Fit) -> str:
    active = fit.certificate.active_bounds
    return f"by the law; at a bound: {', '.join(active) or 'none'}"


def certificate_table(fit: Fit) -> Table:
    """The numbers behind the certificate."""
    c = fit.certificate
    rows: tuple[tuple[Cell, ...], ...] = (
        ("objective at the estimate", f"{c.objective:.10g}", fit.objective.label),
        ("what one more Newton step would gain", Quantity(c.decrement), "relative to the objective"),
        ("starts that agree", f"{c.share_agreeing:.0%} of {c.starts}", "objective within 1e-9 of the best"),
        ("condition number", Quantity(c.condition), "of the scaled Jacobian of the log-loss"),
        ("lambda_min", Quantity(c.lambda_min), "below 1 unidentified, below 16 weak"),
        ("flattest direction", c.flattest, "one standard error of it"),
    )
    return Table("certificate", "Certificate", ("test", "value", "note"), rows, c.outcome)
