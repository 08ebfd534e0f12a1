"""One small fit with its plan, reported; shared by the tests of reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import scalelaw as sl
from reports import Report, comparison_report, fit_report, plan_report, replication_report, sweep_report, write_report
from reports.sweep_runs import read_sweep
from scalelaw.intervals import Draws
from tests.conftest import simulated
from tests.reports.examples import comparison, replication, write_store

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(2)>',
    "</style><script>alert(3)</script>",
    "<!--<script>",
    "<a href='https://evil.example'>run</a>",
    "javascript:alert(4)",
    "%{x} $\\frac{",
    "line\u2028break\u2029 &amp; \x00\x1b[31m\u202e",
)


@pytest.fixture(scope="session")
def fit() -> sl.Fit:
    return sl.fit("chinchilla", simulated(40).where([True] * 38 + [False] * 2, "left out for the test"))


@pytest.fixture(scope="session")
def draws(fit: sl.Fit) -> Draws:
    return sl.bootstrap(fit, 60)


@pytest.fixture(scope="session")
def plan(fit: sl.Fit, draws: Draws) -> sl.Plan:
    return sl.plan(fit, 1e22, draws=draws)


@pytest.fixture(scope="session")
def report(fit: sl.Fit, draws: Draws, plan: sl.Plan) -> Report:
    return fit_report(fit, draws, plan)


@pytest.fixture(scope="session")
def hostile_report() -> Report:
    """Names of runs, groups, files and reasons, and a column's name, that want to be more than text."""
    n = 24
    names = [f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(n)]
    table = replace(simulated(n, noise=0.02), run_id=tuple(names), group=tuple(names), file=tuple(names))
    column = HOSTILE[0] + HOSTILE[6]
    table = replace(table, extras={column: table.loss * 1.1 + 0.1}).where([True] * 20 + [False] * 4, HOSTILE[1])
    fit = sl.fit(f"shifted_power({column})", table)
    return fit_report(fit, sl.bootstrap(fit, 20))


@pytest.fixture(scope="session")
def written(report: Report, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of the report; the page comes first."""
    return write_report(report, tmp_path_factory.mktemp("report") / "law.html")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a learning-rate sweep."""
    return write_store(tmp_path_factory.mktemp("runs") / "tune")


@pytest.fixture(scope="session")
def every_kind(report: Report, plan: sl.Plan, draws: Draws, store: Path) -> dict[str, Report]:
    """One report of every kind, by its name."""
    return {
        "fit": report,
        "plan": plan_report(plan, draws),
        "compare": comparison_report(comparison()),
        "sweep": sweep_report(read_sweep(store)),
        "replication": replication_report(replication()),
    }
