"""A hundred thousand runs make a report that a mail server takes, thinned with care and with every run beside it."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest

import scalelaw as sl
from reports import fit_report, write_report
from reports.base import Points
from reports.thinning import MAX_POINTS, drawn_rows, thinned
from tests.conftest import simulated

RUNS = 100_000
BYTES, SECONDS = 20e6, 30.0


@pytest.fixture(scope="module")
def runs() -> sl.RunTable:
    return simulated(RUNS)


def test_extremes_outliers_and_the_frontier_are_drawn(runs: sl.RunTable) -> None:
    residuals = np.random.default_rng(1).standard_normal(RUNS)
    drawn = set(drawn_rows(runs, residuals).tolist())
    assert len(drawn) == MAX_POINTS
    for column in (runs.n_params, runs.n_tokens, runs.flops, runs.loss):
        assert {int(column.argmin()), int(column.argmax())} <= drawn
    assert set(np.argsort(-np.abs(residuals))[:50].tolist()) <= drawn
    order = np.argsort(runs.flops)
    lowest = np.minimum.accumulate(runs.loss[order])
    frontier = order[np.concatenate([[True], lowest[1:] < lowest[:-1]])]
    assert 20 < len(frontier) <= 600
    assert set(frontier.tolist()) <= drawn


def test_a_lonely_run_stays_where_a_crowd_is_thinned() -> None:
    """One run in a thousand lies apart, inside every extreme: an even sample would drop nearly all of them."""
    rng = np.random.default_rng(0)
    n, apart = 50_000, np.arange(0, 50_000, 1000)
    C, loss = 1e20 * np.exp(0.1 * rng.standard_normal(n)), 3.0 + 0.01 * rng.standard_normal(n)
    C[apart], loss[apart] = np.geomspace(1e17, 1e19, len(apart)), np.linspace(2.9, 3.1, len(apart))
    drawn = drawn_rows(sl.RunTable.of(flops=C, n_params=np.full(n, 1e8), loss=loss))
    assert set(apart.tolist()) <= set(drawn.tolist())


def test_few_runs_are_all_drawn_and_nothing_is_said_of_it() -> None:
    few = simulated(MAX_POINTS)
    assert drawn_rows(few).tolist() == list(range(MAX_POINTS))
    assert thinned(few) == ""
    assert f" {MAX_POINTS:,} of {MAX_POINTS + 1:,} runs are drawn" in thinned(simulated(MAX_POINTS + 1))


def test_runs_that_all_lie_on_the_frontier_are_thinned_too() -> None:
    """The checkpoints of one long run, each better than the one before."""
    steps = np.arange(1.0, 50_001.0)
    curve = sl.RunTable.of(n_params=np.full(len(steps), 1e8), n_tokens=1e6 * steps, loss=2.0 + steps**-0.3)
    drawn = drawn_rows(curve, np.zeros(len(steps)))
    assert len(drawn) == MAX_POINTS
    assert {0, len(steps) - 1} <= set(drawn.tolist())


@pytest.mark.slow
def test_a_hundred_thousand_runs_make_a_small_report_in_time(runs: sl.RunTable, tmp_path: Path) -> None:
    start = time.process_time()
    fit = sl.fit("chinchilla", runs, starts=8)
    report = fit_report(fit, sl.uncertainty(fit, "wald"))
    files = write_report(report, tmp_path / "law.html", ["html", "md", "json", "csv"])
    spent = time.process_time() - start
    assert spent < SECONDS
    assert sum(path.stat().st_size for path in files) < BYTES
    assert all(
        sum(len(layer.x) for layer in figure.layers if isinstance(layer, Points)) <= MAX_POINTS
        for figure in report.figures
    )
    captions = [figure.caption for figure in report.figures if figure.name in ("law", "residuals", "optimal_params")]
    assert len(captions) == 3
    assert all(f"{MAX_POINTS:,} of {RUNS:,} runs are drawn" in caption for caption in captions)
    with (tmp_path / "law_runs.csv").open() as stream:
        assert sum(1 for _ in csv.DictReader(stream)) == RUNS
