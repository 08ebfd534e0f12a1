"""A fit report says what the fit, its draws and its plan say, and no more."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scalelaw as sl
from reports import Report, fit_report
from reports.base import Figure, Line, Points, Quantity, Range, Table
from reports.checklist import NOT_STATED, QUESTIONS
from reports.fit_tables import NOT_IDENTIFIED
from reports.size_groups import size_groups
from reports.thinning import MAX_POINTS
from scalelaw.intervals import Draws
from scalelaw.runs import Note
from tests.conftest import chinchilla_loss, simulated


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
    assert re.search(r"The least loss for 10²² FLOP.*: train [\d.]+B parameters \(95% interval", planned)


def test_every_figure_of_a_trade_off_law_is_there(report: Report):
    names = [figure.name for figure in report.figures]
    residuals = ["residuals", "residuals_n_params", "residuals_n_tokens", "residuals_normal"]
    optimum = ["optimal_params", "optimal_tokens", "frontier", "near_optimal"]
    assert names == ["law", "cut_n_params", "cut_n_tokens", *residuals, *optimum]


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
    assert f"{MAX_POINTS:,} of {MAX_POINTS + 1000:,} runs are drawn" in figure.caption


def test_a_fit_without_an_optimum_says_so_as_an_error(fit: sl.Fit, draws: Draws):
    missed = replace(fit, certificate=replace(fit.certificate, converged=False, outcome="No optimum was reached."))
    first = section(fit_report(missed, draws), "findings").findings[0]
    assert (first.code, first.severity, first.message) == ("E_NOT_CONVERGED", "error", "No optimum was reached.")


def test_the_checklist_says_whether_larger_runs_were_held_out(report: Report, fit: sl.Fit, draws: Draws):
    """A report with a plan rests on backtests; one without has none to speak of."""
    question = QUESTIONS["held_out"]
    assert "held out in turn" in str(rows(report, "checklist")[question]["answer"])
    assert rows(fit_report(fit, draws), "checklist")[question]["answer"] == "not in this report"


def test_a_cut_draws_every_run_and_the_law_at_its_level(report: Report, fit: sl.Fit):
    for name, along, at in (("cut_n_params", "n_params", "n_tokens"), ("cut_n_tokens", "n_tokens", "n_params")):
        layers = section(report, name).layers
        assert sum(len(layer.x) for layer in layers if isinstance(layer, Points)) == len(fit.runs)
        groups = size_groups(fit.runs, at)
        lines = [layer for layer in layers if isinstance(layer, Line)]
        for line, group in zip(lines, groups, strict=True):
            expected = fit.predict(**{along: np.array(line.x), at: group.middle})
            np.testing.assert_allclose(line.y, expected, rtol=1e-12)


def swept(budgets: tuple[float, ...] = (1e19, 1e20, 1e21)) -> sl.RunTable:
    """Runs on IsoFLOP curves that follow `CHINCHILLA` without noise, around the optimum of each budget."""
    C = np.repeat(budgets, 7)
    N = np.concatenate([0.09 * c**0.5 * np.geomspace(0.25, 4, 7) for c in budgets])
    return sl.RunTable.of(n_params=N, flops=C, loss=chinchilla_loss(N, C / (6 * N)))


def test_isoflop_curves_have_the_laws_minima_where_the_runs_were_swept_so():
    fit = sl.fit("chinchilla", swept())
    figure = section(fit_report(fit, sl.uncertainty(fit, "wald")), "isoflop")
    minima = next(layer for layer in figure.layers if isinstance(layer, Points) and layer.symbol == "diamond")
    best = [float(fit.law.optimum(fit.natural[None], C)[0][0]) for C in (1e19, 1e20, 1e21)]
    np.testing.assert_allclose(minima.x, best, rtol=0.15)  # a parabola is not the law
    assert [layer.label for layer in figure.layers if isinstance(layer, Points)][:3] == [
        "10¹⁹ FLOP",
        "10²⁰ FLOP",
        "10²¹ FLOP",
    ]


def test_runs_that_were_not_swept_along_budgets_get_no_isoflop_curves(report: Report):
    assert "isoflop" not in [figure.name for figure in report.figures]


def test_normal_residuals_lie_on_the_line_of_the_quantile_figure():
    runs = simulated(400, noise=0.01)
    fit = sl.fit("chinchilla", runs)
    figure = section(fit_report(fit, sl.uncertainty(fit, "wald")), "residuals_normal")
    (points,) = (layer for layer in figure.layers if isinstance(layer, Points))
    (line,) = (layer for layer in figure.layers if isinstance(layer, Line))
    assert list(points.y) == sorted(points.y)
    slope = (line.y[1] - line.y[0]) / (line.x[1] - line.x[0])
    assert slope == pytest.approx(1.0, rel=0.15)  # the noise, in percent
    middle = np.abs(points.x) < 1.5
    on_the_line = np.interp(np.array(points.x)[middle], line.x, line.y)
    np.testing.assert_allclose(np.array(points.y)[middle], on_the_line, atol=0.25)


def test_the_checklist_tells_what_the_table_states_and_what_it_does_not():
    runs = replace(simulated(30), extras={"optimizer": np.array(["adamw"] * 30), "seed": np.arange(30) % 3})
    fit = sl.fit("chinchilla", runs)
    answers = rows(fit_report(fit, sl.uncertainty(fit, "wald")), "checklist")
    assert answers[QUESTIONS["optimizer"]]["answer"] == "adamw"
    assert answers[QUESTIONS["seeds"]]["answer"] == "seed 0, 1, 2"
    assert answers[QUESTIONS["schedule"]]["answer"] == NOT_STATED
    assert "which text no column says" in answers[QUESTIONS["loss"]]["answer"]


def test_a_saved_fit_says_that_its_columns_were_not_kept(tmp_path: Path):
    runs = replace(simulated(30), extras={"optimizer": np.array(["adamw"] * 30)})
    fit = sl.fit("chinchilla", runs)
    fit.save(tmp_path / "law.json")
    for one, lost in ((fit, False), (sl.load_fit(tmp_path / "law.json"), True)):
        caption = section(fit_report(one, sl.uncertainty(one, "wald")), "checklist").caption
        assert ("its source files may say more" in caption) == lost
