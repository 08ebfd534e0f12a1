"""Measured coverage reaches the notes of intervals, and only where it is off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scalelaw.fitting import fit
from scalelaw.intervals import measured, uncertainty
from scalelaw.intervals.measured import BAR, Measured, coverage_note, measurements, nearest
from scalelaw.results import Interval
from tests.conftest import simulated
from tests.intervals.test_methods import seeds_of

ROW = Measured(20, "gaussian", "auto", "residual", "alpha", 200, 199, 0.912, 0.9, 0.0)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> list[Measured]:
    """Two sizes of one method that covers too little at 20 runs and well at 240, and its published objective."""
    rows = [
        ROW,
        replace(ROW, target="beta", coverage=0.93),
        replace(ROW, n=240, coverage=0.95),
        replace(ROW, objective="log_huber", coverage=0.7),
        replace(ROW, noise="fours", coverage=0.4),
        replace(ROW, n=12, noise="fours", coverage=float("nan"), unavailable=1.0),
    ]
    monkeypatch.setattr(measured, "measurements", lambda: tuple(rows))
    return rows


def test_a_method_says_how_little_it_covers_at_about_so_many_runs(table: list[Measured]) -> None:
    few, many = fit("chinchilla", simulated(25), starts=8), fit("chinchilla", simulated(120), starts=8)
    expected = "at 20 simulated runs, 95 % intervals of this method held the truth in 91.2 to 93.0 % of 200 sweeps"
    assert coverage_note(few, "residual") == expected
    assert coverage_note(many, "residual") == ""
    answer = uncertainty(few, "residual", replicates=49).interval("alpha")
    assert isinstance(answer, Interval)
    assert answer.note == expected
    assert coverage_note(few, "wald") == ""  # nothing is known of it in this table


def test_rows_are_those_of_like_groups_and_like_objectives(table: list[Measured]) -> None:
    assert [row.coverage for row in nearest(fit("chinchilla", simulated(25), "log_huber", starts=8), "residual")] == [
        0.7
    ]
    assert [row.coverage for row in nearest(fit("chinchilla", seeds_of(6, 2), starts=8), "residual")] == [0.4]


def test_the_table_that_ships_is_read_whole() -> None:
    rows = measurements()
    assert {row.n for row in rows} == {12, 20, 40, 240}
    assert all(0 <= row.unavailable <= 1 for row in rows)
    assert all(0 < row.coverage <= 1 for row in rows if row.unavailable < 1)
    good = [row for row in rows if row.method == "auto" and row.objective == "auto" and row.n == 240]
    assert good
    assert all(BAR[0] - 0.01 < row.coverage < BAR[1] + 0.01 for row in good)
