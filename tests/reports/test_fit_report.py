"""A fit report says what the fit, its draws and its plan say, and no more."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from reports import Report, fit_report
from reports.base import Figure, Line, Points, Quantity, Range, Table
from reports.fit_tables import NOT_IDENTIFIED
from reports.size_groups import MAX_POINTS, size_groups
from scalelaw.intervals import Draws
from scalelaw.runs import Note
from tests.conftest import simulated


def section(report: Report, name: str):
    return next(part for part in report.sections if part.name == name)


def rows(report: Report, name: str) -> dict:
    table = section(report, name)
    assert isinstance(table, Table)
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_parameters_are_the_fits_with_the_intervals_of_the_draws(report: Report, fit: sl.Fit, draws: Draws):
    shown = rows(report, "parameters")
    assert list(shown) == list(fit.law.names)
    for name, row in shown.items():
        interval = draws.interval(name)
        assert row["estimate"] == Quantity(fit.value(name), interval.unit)
        assert row["95% interval"] == Range(interval.low, interval.high, interval.unit)


def test_plan_numbers_come_with_unit_and_interval(report: Report, plan: sl.Plan):
    row = rows(report, "plan")["parameters N*"]
    assert row["value"] == Quantity(plan.n_params.estimate, "parameters")
    assert row["interval"] == Range(plan.n_params.low, plan.n_params.high, "parameters")
    assert row["how"] == "95% confidence interval"
    assert plan.n_params.method in section(report, "plan").caption


def test_summary_states_the_certificate_and_the_plan(report: Report, fit: sl.Fit):
    law, planned = section(report, "summary").paragraphs
    assert fit.certificate.outcome in law
    assert "fitted to 38 runs; 2 runs left out" in law
    assert re.search(r"A budget of 10²² FLOP is best spent on [\d.]+B parameters \(95% interval", planned)


def test_every_figure_of_a_trade_off_law_is_there(report: Report):
    names = [figure.name for figure in report.figures]
    assert names == ["law", "residuals", "optimal_params", "optimal_tokens", "frontier", "near_optimal"]


def test_excluded_runs_stand_with_their_reason(report: Report):
    reasons = [row["reason"] for row in rows(report, "excluded").values()]
    assert reasons == ["left out for the test"] * 2


def test_residual_points_are_the_residuals_in_percent(report: Report, fit: sl.Fit):
    layers = section(report, "residuals").layers
    drawn = sorted(y for layer in layers if isinstance(layer, Points) for y in layer.y)
    np.testing.assert_allclose(drawn, np.sort(100 * fit.residuals))


def test_provenance_repeats_the_fit(report: Report, fit: sl.Fit, draws: Draws):
    made_of = {"data fingerprint": fit.runs.fingerprint, "objective": fit.objective.label}
    made_of["interval method"] = draws.method
    assert made_of.items() <= dict(report.provenance).items()


def test_notes_of_the_reader_are_findings(fit: sl.Fit, draws: Draws):
    noted = replace(fit, runs=replace(fit.runs, notes=(Note("W_ODD", "a line looks odd"),)))
    findings = section(fit_report(noted, draws), "findings").findings
    assert ("W_ODD", "warning") in [(finding.code, finding.severity) for finding in findings]


def test_unidentified_parameters_have_no_number():
    fit = sl.fit("chinchilla", simulated(12, noise=0.05))
    unknown = [name for name in fit.law.names if not fit.identified(name)]
    assert unknown == ["A", "B"]
    table = rows(fit_report(fit, sl.bootstrap(fit, 20)), "parameters")
    for name in unknown:
        assert (table[name]["estimate"], table[name]["95% interval"]) == (NOT_IDENTIFIED, None)


@pytest.mark.parametrize("law", ["power_constant(flops)", "power_constant(n_tokens)", "kaplan"])
def test_every_law_has_a_report(law: str):
    fit = sl.fit(law, simulated(30))
    report = fit_report(fit, sl.bootstrap(fit, 20))
    assert ("optimal_params" in [f.name for f in report.figures]) == (law == "kaplan")
    assert all(np.isfinite(line.y).all() for f in report.figures for line in f.layers if isinstance(line, Line))


def test_a_one_variable_law_is_drawn_beyond_its_runs():
    fit = sl.fit("power_constant(n_tokens)", simulated(30))
    figure = fit_report(fit, sl.bootstrap(fit, 20)).figures[0]
    (line,) = (layer for layer in figure.layers if isinstance(layer, Line))
    assert max(line.x) > 50 * fit.runs.n_tokens.max()


def test_sizes_get_at_most_eight_groups_that_share_out_the_runs():
    groups = size_groups(simulated(200))
    assert len(groups) <= 8
    assert sorted(np.concatenate([group.rows for group in groups])) == list(range(200))
    assert len({group.colour for group in groups}) == len(groups)


def test_many_runs_are_thinned_and_the_caption_says_so():
    fit = sl.fit("chinchilla", simulated(MAX_POINTS + 1000), starts=4)
    figure = fit_report(fit, sl.bootstrap(fit, 2)).figures[0]
    assert isinstance(figure, Figure)
    assert sum(len(layer.x) for layer in figure.layers if isinstance(layer, Points)) == MAX_POINTS
    assert "5,000 of 6,000 runs are drawn" in figure.caption


def test_a_fit_without_an_optimum_says_so_as_an_error(fit: sl.Fit, draws: Draws):
    missed = replace(fit, certificate=replace(fit.certificate, converged=False, outcome="No optimum was reached."))
    first = section(fit_report(missed, draws), "findings").findings[0]
    assert (first.code, first.severity, first.message) == ("E_NOT_CONVERGED", "error", "No optimum was reached.")


def test_the_checklist_says_whether_larger_runs_were_held_out(report: Report, fit: sl.Fit, draws: Draws):
    """A report with a plan rests on backtests; one without has none to speak of."""
    question = "Was the law tested on runs beyond the fitted ones?"
    assert "held out in turn" in str(rows(report, "checklist")[question]["answer"])
    assert rows(fit_report(fit, draws), "checklist")[question]["answer"] == "not in this report"
