"""Tables of numbers as LaTeX: estimates, intervals and units as a paper prints them, names as text."""

from __future__ import annotations

import math

import pytest

from reports import Report
from reports.base import Quantity, Range, Table
from reports.latex import MAX_ROWS, latex_table, text, to_latex
from tests.reports.conftest import HOSTILE
from tests.reports.hostility import assert_latex_is_harmless

NAMES = (*HOSTILE, r"\input{/etc/passwd}$x_1$", r"\\", "a & b % c # d _ e ^ f ~ g", "{", "}", "--- '' ``", "^^5cinput")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_set_as_it_is(name: str) -> None:
    assert_latex_is_harmless(text(name))
    assert_latex_is_harmless(
        to_latex(Report(name, (Table("t", name, (name,), ((name,), (Quantity(1.0),)), name),), {}))
    )


def test_numbers_come_with_intervals_and_units() -> None:
    table = Table(
        "parameters",
        "Parameters",
        ("parameter", "estimate", "95% interval", "unit"),
        (("A_1", Quantity(5.76e23, "FLOP"), Range(-0.31, math.inf), "nats/token × N^alpha"),
         ("N*", Quantity(7.04e10, "parameters"), Range(6e10, 8e10, "parameters"), "parameters")),
        "Intervals: 95 % of sweeps.",
    )  # fmt: skip
    lines = latex_table(table).splitlines()
    assert lines[2:5] == [
        r"\caption{Parameters. Intervals: 95 \% of sweeps.}",
        r"\label{tab:parameters}",
        r"\begin{tabular}{lrrl}",
    ]
    assert lines[6] == r"parameter & estimate & 95\% interval & unit \\"
    first = r"A\_1 & $5.76\times 10^{23}$ & $[-0.31, \infty]$ & nats/token $\times$ N\textasciicircum{}alpha \\"
    second = r"N* & $70.4\mathrm{B}$ & $[60\mathrm{B}, 80\mathrm{B}]$ & parameters \\"
    assert lines[8:10] == [first, second]


def test_the_fit_is_a_table_and_words_alone_are_none(report: Report) -> None:
    document = to_latex(report)
    assert_latex_is_harmless(document)
    assert r"\label{tab:parameters}" in document
    assert r"\label{tab:checklist}" not in document
    assert document.count(r"\begin{table}") == document.count(r"\end{table}") >= 2


def test_a_long_table_is_cut_and_says_so() -> None:
    rows = tuple((Quantity(float(i)),) for i in range(MAX_ROWS + 3))
    assert "3 more rows are not shown." in latex_table(Table("t", "T", ("x",), rows))
