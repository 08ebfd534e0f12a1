"""Names of runs, groups, files, columns and reasons that want to be more than text stay text in every format."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scalelaw as sl
from reports import Report, write_report
from reports.base import Figure
from reports.fit_report import fit_report
from reports.writing import FORMATS
from tests.reports.hostility import Page, assert_files_are_harmless

pytest.importorskip("markdown_it")
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "bad_inputs"
ENTRIES = ("s_xss_run_name.csv", "s_xss_script_close.csv", "s_xss_header.csv", "s_template_injection.csv")
ENTRIES += ("s_markdown_injection.csv", "s_latex_injection.csv", "s_path_traversal_run_id.csv", "s_abs_path_run_id.csv")
ENTRIES += ("s_ansi_run_name.csv", "s_rich_markup.csv", "s_bidi.csv", "s_long_name.csv", "s_secret_in_log.jsonl")
ENTRIES += tuple(f"s_csv_formula_{i}.csv" for i in range(6))
TEXTUAL = tuple(form for form in FORMATS if form not in ("png", "pdf"))
SECRETS = (b"0123456789abcdef0123456789abcdef01234567", b"hunter2")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile files, made afresh."""
    if not CORPUS.is_dir():
        pytest.skip(f"no folder {CORPUS}: the corpus is not at hand")
    folder = tmp_path_factory.mktemp("bad_inputs")
    subprocess.run([sys.executable, CORPUS / "make_bad_inputs.py", folder], check=True, capture_output=True)
    return folder


def of(path: Path) -> tuple[sl.RunTable, Report]:
    """The runs of a file, and a report of a fit to all but the first, so that its name stands in a table too."""
    runs = sl.read_runs(path)
    kept = runs.where(np.arange(len(runs)) > 0, f"left out: {runs.run_id[0]}")
    law = "chinchilla" if len(np.unique(kept.n_params)) > 2 else "power_constant(n_tokens)"
    fit = sl.fit(law, kept, starts=4)
    return runs, fit_report(fit, sl.uncertainty(fit, "wald"))


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_hostile_file_makes_harmless_reports(entry: str, corpus: Path, tmp_path: Path) -> None:
    runs, report = of(corpus / entry)
    sections = (*report.figures[:1], *(part for part in report.sections if not isinstance(part, Figure)))
    files = write_report(replace(report, sections=sections), tmp_path / "inside" / "page.html", TEXTUAL)
    assert {path.parent for path in files} == {tmp_path / "inside", tmp_path / "inside" / "page_figures"}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(files)
    assert not Path("/tmp/scalelaw_escape").exists()
    assert_files_are_harmless(files)
    assert not [secret for secret in SECRETS for file in files if secret in file.read_bytes()]
    if runs.run_id[0].isprintable() and len(runs.run_id[0]) < 100:
        assert runs.run_id[0] in "".join(Page(files[0].read_text()).text)


def test_hostile_names_of_every_kind_are_harmless_in_every_format(hostile_report: Report, tmp_path: Path) -> None:
    assert_files_are_harmless(write_report(hostile_report, tmp_path / "page.html", FORMATS))


@pytest.mark.parametrize("entry", [name for name in ENTRIES if "formula" in name])
def test_a_formula_is_a_text_in_the_rows_and_numbers_stay_numbers(entry: str, corpus: Path, tmp_path: Path) -> None:
    fit = sl.fit("chinchilla", sl.read_runs(corpus / entry), starts=4)
    report = fit_report(fit, sl.uncertainty(fit, "wald"))
    (file,) = write_report(Report("R", (), {}, report.rows), tmp_path / "page.html", ["csv"])
    first, *others = csv.DictReader(file.read_text().splitlines())
    assert first["run_id"].startswith("'")
    assert not [row for row in others if row["run_id"].startswith("'")]
    np.testing.assert_allclose([float(row["loss"]) for row in (first, *others)], fit.runs.loss)
    assert min(float(row["residual_ln"]) for row in (first, *others)) < 0
