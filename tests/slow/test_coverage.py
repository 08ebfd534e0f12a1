"""The coverage table that ships belongs to this code, and the default holds its level or says that it does not."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from scalelaw.fitting import fit
from scalelaw.intervals import INTERVALS, uncertainty
from scalelaw.intervals.measured import BAR
from scalelaw.results import Interval
from tests.slow.coverage_study import METHODS, NOISES, SIZES, TABLE, TARGETS, cell, code_hash, sweep

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()[1:]))


def cells_of(method: str) -> dict[tuple[int, str, str], list[float]]:
    """Coverage of every target by size, noise and objective, where there was any."""
    found: dict[tuple[int, str, str], list[float]] = {}
    for row in rows():
        if row["method"] == method and row["coverage"]:
            found.setdefault((int(row["n"]), row["noise"], row["objective"]), []).append(float(row["coverage"]))
    return found


def test_the_table_was_made_by_this_code() -> None:
    head = TABLE.read_text(encoding="utf-8").splitlines()[0]
    assert f"code {code_hash()}," in head, "stale; run python -m tests.slow.coverage_study"


def test_every_cell_is_there() -> None:
    expected = {
        (n, noise, objective, method, target)
        for objective, methods in METHODS.items()
        for n in SIZES
        for noise in NOISES
        for method in methods
        for target in TARGETS
    }
    found = [(int(r["n"]), r["noise"], r["objective"], r["method"], r["target"]) for r in rows()]
    assert len(found) == len(expected)
    assert set(found) == expected
    assert set(METHODS["auto"]) == set(INTERVALS.names()) - {"posterior"}


def test_a_cell_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap's rows under the published objective: fits, replicates, solver and all, to the last count."""
    pytest.importorskip("numba")  # without it some replicates end in another of two equal optima
    monkeypatch.setenv("SCALELAW_SOLVER", "compiled")
    key = {"n": "20", "noise": "gaussian", "objective": "log_huber", "method": "bootstrap"}
    table = [row for row in rows() if key.items() <= row.items()]
    sweeps = METHODS["log_huber"]["bootstrap"][0]
    assert [row for row in cell(20, "gaussian", "log_huber", sweeps) if row["method"] == "bootstrap"] == table


def test_the_default_holds_its_level_or_says_by_how_much_it_does_not() -> None:
    """Every interval of a fit whose cells are out of the bar carries the measured coverage in its note."""
    rng = np.random.default_rng(0)
    cells = cells_of("auto")
    assert len(cells) >= 28
    for (n, noise, objective), coverage in cells.items():
        if BAR[0] <= min(coverage) and max(coverage) <= BAR[1]:
            continue
        answer = uncertainty(fit("chinchilla", sweep(n, noise, rng), objective, starts=8)).interval("alpha")
        assert isinstance(answer, Interval)
        assert "held the truth in" in answer.note, (n, noise, objective)


def test_the_default_never_falls_far_below_its_level() -> None:
    """Of the published objective, this is promised of independent runs alone; the rest is in the notes."""
    for (n, noise, objective), coverage in cells_of("auto").items():
        if objective == "auto" or noise in ("gaussian", "student3"):
            assert min(coverage) > 0.92, (n, noise, objective)


def test_a_design_without_spare_configurations_has_no_intervals_by_any_method() -> None:
    refused = [r for r in rows() if (r["n"], r["noise"]) in (("12", "fours"), ("20", "fours"))]
    assert refused
    assert {r["unavailable"] for r in refused} == {"1.000"}


def test_the_cluster_bootstrap_answers_in_every_sweep() -> None:
    """Replicates with few distinct groups once left most sweeps of ten groups without an interval."""
    for row in rows():
        if row["method"] == "bootstrap" and row["n"] == "40" and row["noise"] == "fours":
            assert float(row["unavailable"]) <= 0.02, row


def test_methods_that_ignore_groups_or_refuse_them_are_told_apart() -> None:
    for row in rows():
        if row["noise"] in ("pairs", "fours") and row["method"] in ("studentised", "residual"):
            assert row["unavailable"] == "1.000"
