"""`scalelaw report` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reports import REPORTS
from scalelaw.cli import report as command
from scalelaw.cli.main import app
from scalelaw.fit_file import save_fit
from scalelaw.fitting import fit
from scalelaw.readers import write_runs
from tests.conftest import simulated
from tests.reports.examples import replication, spec_of, write_run, write_store

ONLY_JSON = ("--formats", "json")
Run = Callable[..., dict]


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved fit."""
    path = tmp_path_factory.mktemp("report") / "law.json"
    save_fit(fit("chinchilla", simulated(40)), path)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run table."""
    path = tmp_path_factory.mktemp("report") / "runs.csv"
    write_runs(simulated(24), path)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("report") / "tune")


@pytest.fixture
def reported(tmp_path: Path) -> Run:
    """Run the command and read the numbers it writes."""

    def run(*arguments: object) -> dict:
        out = tmp_path / "page.json"
        done = CliRunner().invoke(app, ["report", *map(str, arguments), "-o", str(out), *ONLY_JSON])
        assert done.exit_code == 0, (done.output, done.exception)
        assert done.output.splitlines()[-1] == str(out)
        return json.loads(out.read_text())

    return run


def names(data: dict) -> list[str]:
    return [section["name"] for section in data["sections"]]


def test_every_kind_of_report_is_a_command():
    assert sorted(one.name for one in command.app.registered_commands) == list(REPORTS.names())


@pytest.mark.parametrize("words", [(), ("fit",)])
def test_a_saved_fit_is_reported_with_or_without_the_kinds_name(words: tuple[str, ...], law: Path, reported: Run):
    data = reported(*words, law, "--interval", "wald")
    assert data["title"] == "chinchilla fitted to 40 runs"
    assert "plan" not in names(data)


def test_a_budget_adds_a_plan_to_the_report_of_a_fit(law: Path, reported: Run):
    assert {"plan", "near_optimal"} <= set(names(reported(law, "--times", 10, "--interval", "wald")))


def test_options_may_stand_before_the_file(law: Path, tmp_path: Path):
    arguments = ["report", "--out", str(tmp_path / "page.json"), *ONLY_JSON, "--interval", "wald", str(law)]
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_a_plan_takes_every_question_of_the_plan_command(law: Path, reported: Run):
    data = reported("plan", law, "--target-loss", 2.2, "--interval", "wald")
    assert names(data)[:2] == ["summary", "plan"]
    assert "2.2" in data["provenance"]["question"]
    priced = reported("plan", law, "--gpus", "64xH100", "--days", 3, "--mfu", 0.4, "--interval", "wald")
    assert "bill" in names(priced)


def test_a_plan_without_a_question_is_a_usage_error(law: Path, tmp_path: Path):
    done = CliRunner().invoke(app, ["report", "plan", str(law), "-o", str(tmp_path / "page.html")])
    assert done.exit_code != 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [(), ("compare",)])
def test_laws_are_compared_on_a_run_table(words: tuple[str, ...], table: Path, reported: Run):
    data = reported(*words, table, "--law", "chinchilla", "--law", "kaplan")
    assert data["title"] == "2 laws compared on 24 runs"


@pytest.mark.parametrize("words", [(), ("sweep",)])
def test_a_store_is_reported_as_a_sweep(words: tuple[str, ...], store: Path, reported: Run):
    assert reported(*words, store)["title"] == "Sweep tune: 36 runs"


def test_a_run_table_is_reported_as_a_sweep_where_that_is_asked_for(table: Path, reported: Run):
    assert reported("sweep", table)["title"] == f"Sweep {table.parent.name}: 24 runs"


def test_a_sweeps_file_knows_the_runs_that_wait(tmp_path: Path, reported: Run):
    pytest.importorskip("torch")
    file = tmp_path / "early.toml"
    file.write_text('[base]\ncorpus = "markov"\ndepth = 2\nn_tokens = "1M"\nhead_dim = 8\n[grid]\nwidth = [16, 32]\n')
    data = reported(file, "--store", tmp_path / "runs")
    assert data["title"] == "Sweep early: 2 runs"
    assert data["sections"][0]["paragraphs"][0] == "0 of 2 runs have ended, 2 waiting. None has a final loss yet."


def test_a_replication_is_reported_from_its_file(tmp_path: Path, reported: Run):
    from dataclasses import asdict

    found = replication()
    data = {name: getattr(found, name) for name in ("name", "source", "method", "verdict")}
    file = tmp_path / "besiroglu.json"
    file.write_text(json.dumps(data | {"rows": [asdict(row) for row in found.rows]}))
    assert reported("replication", file)["title"] == "Replication: a fit"


def test_open_shows_the_page_in_the_browser(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", str(store), "-o", str(page), "--formats", "html", "--open"])
    assert done.exit_code == 0, done.output
    assert opened == [page.as_uri()]


def test_a_browser_that_does_not_open_is_told_and_no_failure(store: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", str(store), "-o", str(page), "--formats", "html", "--open"])
    assert done.exit_code == 0
    assert f"No browser could be opened; the page is {page}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--formats", "docx"), "found format 'docx'"),
        (("--formats", "json", "--open"), "not among the --formats"),
    ],
)
def test_formats_that_cannot_be_are_refused_before_anything_is_read(arguments, words, store: Path, tmp_path: Path):
    done = CliRunner().invoke(app, ["report", str(store), "-o", str(tmp_path / "page.html"), *arguments])
    assert done.exit_code != 0
    assert words in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_the_formats_asked_for_are_written_and_no_others(store: Path, tmp_path: Path):
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", str(store), "-o", str(page), "--formats", "html,md,tex,pdf"])
    assert done.exit_code == 0, (done.output, done.exception)
    written = [Path(line) for line in done.output.splitlines()]
    assert {path.suffix for path in written} == {".html", ".md", ".tex", ".pdf", ".svg"}  # the Markdown shows the SVGs
    assert all(path.stat().st_size for path in written)


def test_nothing_that_is_read_is_written_over(law: Path, table: Path):
    before = law.read_bytes(), table.read_bytes()
    for words in (["plan", str(law), "--times", "10", "-o", str(law.with_suffix(".html"))],):
        done = CliRunner().invoke(app, ["report", *words])
        assert "would overwrite the fit" in str(done.exception)
    assert (law.read_bytes(), table.read_bytes()) == before


def test_a_file_that_is_not_there_is_told_as_such():
    done = CliRunner().invoke(app, ["report", "missing.json", "-o", "page.html"])
    assert "There is no file and no kind of report 'missing.json'. Kinds: compare, fit" in str(done.exception)


def test_a_page_may_have_the_name_of_a_table_that_it_does_not_write(table: Path):
    """The rows of `runs.html` are `runs_runs.csv`: `runs.csv` is not in their way."""
    before = table.read_bytes()
    words = [
        "report",
        str(table),
        "--law",
        "chinchilla",
        "-o",
        str(table.with_suffix(".html")),
        "--formats",
        "html,csv",
    ]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert table.read_bytes() == before


def test_rows_beside_a_page_write_over_no_source(tmp_path: Path):
    source = tmp_path / "page_curves.csv"
    write_runs(simulated(6), source)
    done = CliRunner().invoke(app, ["report", "sweep", str(source), "-o", str(tmp_path / "page.html")])
    assert f"would overwrite the file {source}" in str(done.exception)


def test_a_watch_ends_by_itself_when_every_run_has_ended(store: Path, tmp_path: Path):
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", str(store), "-o", str(page), "--formats", "html", "--watch", "5"])
    assert done.exit_code == 0
    assert 'http-equiv="refresh"' not in page.read_text()


def test_a_watch_writes_again_while_runs_go_on_and_stops_cleanly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two rounds, a run finishing between them, then Ctrl-C."""
    runs, page, pages = tmp_path / "tune", tmp_path / "page.html", []
    write_run(runs, spec_of(16, 0.01, 0), name="first")
    write_run(runs, spec_of(16, 0.02, 0), "interrupted", "second")
    write_run(runs, spec_of(16, 0.04, 0), "interrupted", "third")

    def sleep(seconds: float) -> None:
        pages.append(page.read_text())
        if len(pages) == 2:
            raise KeyboardInterrupt
        done = {"status": "finished", "loss": 2.5, "loss_unit": "nats/token", "flops": 1e9, "n_tokens": 1e6}
        (runs / "second" / "done.json").write_text(json.dumps(done))

    monkeypatch.setattr("time.sleep", sleep)
    done = CliRunner().invoke(app, ["report", str(runs), "-o", str(page), "--formats", "html", "--watch", "7"])
    assert done.exit_code == 130
    assert ["1 of 3 runs have ended" in pages[0], "2 of 3 runs have ended" in pages[1]] == [True, True]
    assert all('http-equiv="refresh" content="7"' in text for text in pages)
    assert "2 of 3 runs have ended" in page.read_text()
    assert 'http-equiv="refresh"' not in page.read_text()
    assert done.stdout.splitlines() == [str(page)]


def test_the_level_asked_for_is_that_of_every_interval(law: Path, reported: Run):
    data = reported(law, "--times", 10, "--interval", "wald", "--level", 0.8)
    text = json.dumps(data["sections"])
    assert "80% interval" in text
    assert "95% interval" not in text


def test_help_of_every_kind_gives_an_example():
    for kind in REPORTS.names():
        done = CliRunner().invoke(app, ["report", kind, "--help"])
        assert done.exit_code == 0
        assert f"scalelaw report {kind}" in done.output


def test_reports_are_made_without_torch(store: Path, tmp_path: Path):
    """A process in which importing torch fails reports a sweep from its store."""
    code = f"""
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, NoTorch())
from reports import sweep_report, write_report
from reports.sweep_runs import read_sweep
write_report(sweep_report(read_sweep({str(store)!r})), {str(tmp_path / "page.json")!r}, ["json"])
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "page.json").stat().st_size
