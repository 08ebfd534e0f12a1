"""A comparison report says which law predicted best, by how much, and whether that settles anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reports import Report, comparison_report
from reports.base import Line, Points, Table
from reports.comparison_tables import Rival, rivals
from scalelaw.comparing import Comparison
from tests.reports.examples import comparison


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return comparison()


@pytest.fixture(scope="module")
def page(compared: Comparison) -> Report:
    return comparison_report(compared)


def part(report: Report, name: str):
    (found,) = (section for section in report.sections if section.name == name)
    return found


def test_the_best_law_and_its_error_come_first(page: Report, compared: Comparison):
    first, second = page.sections[0].paragraphs
    assert f"the law to use alone is {compared.best.label}" in first
    assert f"{100 * compared.best.backtest.error:.2g}%" in first
    made = sum(len(cut.held_out) for cut in compared.best.backtest.cuts)
    held = sum(int(cut.held.sum()) for cut in compared.best.backtest.cuts)
    assert f"it made {made} predictions of larger ones" in first
    assert f"{held} of {made} held in their 95% prediction intervals" in first
    (rival,) = rivals(compared)
    assert ("not settled" in second) == (rival.verdict == "not settled")
    assert rival.law in second


def test_the_table_of_laws_is_the_comparison(page: Report, compared: Comparison):
    rows = part(page, "laws").rows
    assert [row[0] for row in rows] == [candidate.label for candidate in compared.candidates]
    errors = [row[3].value for row in rows]
    assert errors == pytest.approx([100 * candidate.backtest.error for candidate in compared.candidates])
    assert sum(row[-1].value for row in rows) == pytest.approx(1.0)


def test_a_rivals_difference_is_that_of_the_mean_squared_errors(compared: Comparison):
    (rival,) = rivals(compared)
    other = next(candidate for candidate in compared.candidates if candidate.label == rival.law)
    expected = other.backtest.error**2 - compared.best.backtest.error**2
    assert rival.difference == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("difference", "half", "verdict"),
    [(2.0, 1.0, "worse"), (-2.0, 1.0, "better"), (0.5, 1.0, "not settled"), (5.0, float("inf"), "not settled")],
)
def test_a_difference_whose_interval_holds_zero_settles_nothing(difference: float, half: float, verdict: str):
    assert Rival("law", difference, difference - half, difference + half).verdict == verdict


def test_the_interval_of_a_difference_is_students_t_over_groups(compared: Comparison):
    """By hand, for runs that are each a group of their own."""
    (rival,) = rivals(compared)
    other = next(candidate for candidate in compared.candidates if candidate.label == rival.law)
    gains: dict[str, float] = {}
    for mine, theirs in zip(compared.best.backtest.cuts, other.backtest.cuts, strict=True):
        share = 1.0 / (len(mine.held_out) * len(compared.best.backtest.cuts))
        for run, a, b in zip(mine.held_out.run_id, mine.log_errors, theirs.log_errors, strict=True):
            gains[run] = gains.get(run, 0.0) + share * (b**2 - a**2)
    by_run = np.array(list(gains.values()))
    error = np.sqrt(len(by_run)) * by_run.std(ddof=1)
    assert rival.high - rival.difference == pytest.approx(stats.t.ppf(0.975, len(by_run) - 1) * error)


def test_every_prediction_is_listed_with_its_interval(page: Report, compared: Comparison):
    table = part(page, "predictions")
    assert isinstance(table, Table)
    cuts = [cut for candidate in compared.candidates for cut in candidate.backtest.cuts]
    assert len(table.rows) == sum(len(cut.held_out) for cut in cuts)
    first = table.rows[0]
    assert (first[6].low, first[6].high) == tuple(cuts[0].ends[0])
    assert first[8] == ("yes" if cuts[0].held[0] else "no")


def test_bars_that_cross_the_dashed_line_are_those_that_held(page: Report, compared: Comparison):
    layers = part(page, "errors").layers
    bars = [layer for layer in layers if isinstance(layer, Line)]
    points = [layer for layer in layers if isinstance(layer, Points)]
    for candidate, bar, dots in zip(compared.candidates, bars, points, strict=True):
        cut = max(candidate.backtest.cuts, key=lambda cut: len(cut.held_out))
        low, high, gap = np.array(bar.y).reshape(-1, 3).T
        assert np.isnan(gap).all()
        np.testing.assert_array_equal((low <= 0) & (high >= 0), cut.held)
        np.testing.assert_allclose(dots.y, 100 * cut.log_errors)


def test_errors_by_distance_name_the_law_that_wins_there(page: Report, compared: Comparison):
    for row in part(page, "distances").rows:
        errors = {c.label: cell.value for c, cell in zip(compared.candidates, row[2:-1], strict=True)}
        assert row[-1] == min(errors, key=lambda label: errors[label])


def test_laws_are_followed_beyond_the_runs_with_their_average(page: Report, compared: Comparison):
    lines = {layer.label: layer for layer in part(page, "parting").layers if isinstance(layer, Line)}
    assert list(lines) == [*(candidate.label for candidate in compared.candidates), "average of the laws"]
    average, logs = lines.pop("average of the laws"), []
    for candidate in compared.candidates:
        logs.append(compared.weights[candidate.label] * np.log(lines[candidate.label].y))
    np.testing.assert_allclose(average.y, np.exp(np.sum(logs, axis=0)), rtol=1e-12)
    assert max(average.x) == pytest.approx(
        100 * (6 * compared.best.fit.runs.n_params * compared.best.fit.runs.n_tokens).max()
    )


def test_laws_of_one_variable_are_followed_along_it():
    import scalelaw as sl
    from tests.conftest import simulated

    found = sl.compare(simulated(30), ["power_constant(n_tokens)", "power_law(n_tokens)"])
    figure = part(comparison_report(found), "parting")
    assert figure.x.label == "tokens D"


def test_a_law_that_missed_by_less_and_is_not_chosen_is_explained(compared: Comparison):
    """The reader sees a row with a smaller error than that of the law to use."""
    least = min(compared.candidates, key=lambda candidate: candidate.backtest.error)
    other = next(candidate for candidate in compared.candidates if candidate is not least)
    said = comparison_report(replace(compared, best=other)).sections[0].paragraphs[0]
    assert f"{least.label} missed by less, {100 * least.backtest.error:.2g}%, and is not chosen" in said
    assert "missed by less" not in comparison_report(replace(compared, best=least)).sections[0].paragraphs[0]
