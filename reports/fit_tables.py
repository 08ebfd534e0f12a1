"""What a fit report says in tables: parameters, certificate, and what changes when one choice is changed."""

from __future__ import annotations

from reports.base import Cell, Quantity, Range, Table
from reports.wording import percent
from scalelaw.fitting import Fit
from scalelaw.intervals import Uncertainty
from scalelaw.perturbing import sensitivity
from scalelaw.results import Interval, Unavailable

NAMED = 3
"""How many of the runs left out a row of the sensitivity table names; the JSON of `scalelaw fit` names all."""
NOT_IDENTIFIED = "not identified by these runs"


def parameter_table(fit: Fit, known: Uncertainty, level: float) -> Table:
    """Every parameter of the law; one the runs do not identify gets words and no number."""
    return Table(
        "parameters",
        "Parameters",
        ("parameter", "estimate", f"{percent(level)} interval", "unit", "meaning"),
        tuple(_parameter_row(fit, known, i, level) for i in range(len(fit.law.params))),
        f"Intervals: {known.method}.",
    )


def _parameter_row(fit: Fit, known: Uncertainty, i: int, level: float) -> tuple[Cell, ...]:
    param = fit.law.params[i]
    unit = param.unit.replace(" x ", " × ")
    if not fit.identified(param.name):
        return param.name, NOT_IDENTIFIED, None, unit, param.meaning
    interval = known.interval(param.name, level)
    return param.name, Quantity(fit.value(param.name), param.unit), _ends(interval), unit, param.meaning


def _ends(interval: Interval | Unavailable) -> Cell:
    if isinstance(interval, Unavailable):
        return f"not available: {interval.reason}"
    return Range(interval.low, interval.high, interval.unit)


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
