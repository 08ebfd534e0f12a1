"""The command line as a user meets it: a process with arguments, two streams and an exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scalelaw.laws import LAWS
from scalelaw.readers import write_runs
from tests.conftest import CHINCHILLA, DEVELOPMENT_DATA, heed_interrupts, simulated


def scalelaw(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command with these arguments."""
    command = [sys.executable, "-m", "scalelaw.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 60 runs with columns named in nobody's standard way."""
    path = tmp_path_factory.mktemp("cli") / "runs.csv"
    table = simulated()
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "size", "seen", "eval/bits"])
        for run in table:
            writer.writerow([run.run_id, f"{run.n_params:.0f}", f"{run.n_tokens:.0f}", run.loss / np.log(2)])
    return path


@pytest.fixture(scope="module")
def law(runs: Path) -> Path:
    """A fit saved by the command line."""
    path = runs.parent / "law.json"
    columns = ("--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits", "--loss-unit", "bits")
    done = scalelaw("fit", runs, *columns, "--replicates", 100, "--save", path)
    assert done.returncode == 0, done.stderr
    return path


def test_fit_prints_estimates_intervals_and_the_certificate(law: Path, runs: Path) -> None:
    done = scalelaw(
        "fit", runs, "--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits", "--loss-unit", "bits"
    )
    assert done.returncode == 0
    assert "Optimum certified: 100% of 64 starts agree" in done.stdout
    assert "sandwich, HC2 over 60 runs" in done.stdout
    assert "without the 5 worst rows" in done.stdout
    assert "60 runs" in done.stderr


def test_fit_as_json_holds_the_truth_within_its_intervals(runs: Path) -> None:
    columns = ("--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits", "--loss-unit", "bits")
    done = scalelaw("fit", runs, *columns, "--format", "json", "--quiet")
    answer = json.loads(done.stdout)
    assert done.stderr == ""
    for name, value in CHINCHILLA.items():
        interval = answer["intervals"][name]
        assert interval["low"] < value < interval["high"]


def test_fit_as_csv_reads_back(runs: Path) -> None:
    columns = ("--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits", "--loss-unit", "bits")
    done = scalelaw("fit", runs, *columns, "--format", "csv", "--quiet", "--replicates", 50)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["target"] for row in rows] == ["E", "A", "alpha", "B", "beta"]


def test_the_same_seed_gives_the_same_numbers_on_any_number_of_workers(law: Path) -> None:
    one = scalelaw("plan", law, "--flops", "1e21", "--replicates", 600, "--format", "json")
    two = scalelaw("plan", law, "--flops", "1e21", "--replicates", 600, "--format", "json", "--workers", 2)
    assert one.stdout == two.stdout
    assert one.returncode == 0


def test_plan_prints_sizes_bands_and_reach(law: Path) -> None:
    done = scalelaw("plan", law, "--times", "10")
    assert done.returncode == 0
    for phrase in ("parameters N*", "tokens D*", "within 0.1 %", "within 1 %", "beyond the runs, in decades: C +1.00"):
        assert phrase in done.stdout


def test_plan_needs_exactly_one_budget(law: Path) -> None:
    done = scalelaw("plan", law)
    assert done.returncode == 2
    assert "--flops" in done.stderr
    assert done.stdout == ""


def test_predict_tells_the_law_from_a_new_run(law: Path) -> None:
    done = scalelaw("predict", law, "--n-params", "1B", "--n-tokens", "20B", "--format", "json")
    answer = json.loads(done.stdout)
    law_width = answer["confidence"]["high"] - answer["confidence"]["low"]
    assert answer["prediction"]["high"] - answer["prediction"]["low"] > law_width
    assert answer["inputs"] == {"n_params": 1e9, "n_tokens": 2e10}


def test_predict_without_an_input_says_which_the_law_takes(law: Path) -> None:
    done = scalelaw("predict", law, "--n-params", "1B")
    assert done.returncode == 2
    assert "takes n_params, n_tokens" in done.stderr


def test_laws_lists_every_law() -> None:
    done = scalelaw("laws", "--format", "json")
    assert {row["law"] for row in json.loads(done.stdout)["laws"]} == {law.label for law in LAWS}


def test_report_writes_html_figures_and_numbers(law: Path, tmp_path: Path) -> None:
    done = scalelaw("report", law, "--times", 10, "--replicates", 50, "--out", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert {path.suffix for path in written} == {".html", ".json", ".csv", ".svg", ".png"}
    assert all(path.stat().st_size > 0 for path in written)


def test_a_report_never_overwrites_the_fit_it_is_made_from(law: Path) -> None:
    before = law.read_bytes()
    done = scalelaw("report", law, "--out", law.with_suffix(".html"))
    assert done.returncode == 2
    assert "would overwrite the fit" in done.stderr
    assert law.read_bytes() == before


def test_unknown_law_is_a_usage_error(runs: Path) -> None:
    done = scalelaw(
        "fit", runs, "--law", "chinchila", "--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits"
    )
    assert done.returncode == 2
    assert "Known: " in done.stderr
    assert "chinchilla, chinchilla_tied" in done.stderr


def test_a_fit_that_does_not_converge_exits_with_3(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import sys
import scalelaw.solver.newton as newton
newton.MAX_ITERATIONS = 1
sys.argv = ["scalelaw", "fit", sys.argv[1], "--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits"]
sys.argv += ["--objective", "log_huber"]
from scalelaw.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code, str(runs)], capture_output=True, text=True)
    assert done.returncode == 3
    assert "No optimum was reached" in done.stderr


def test_no_traceback_reaches_a_user(tmp_path: Path) -> None:
    done = scalelaw("plan", tmp_path / "absent.json", "--flops", "1e21")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "absent.json" in done.stderr


def test_an_interrupt_exits_with_130(runs: Path) -> None:
    columns = ["--n-params", "size", "--n-tokens", "seen", "--loss", "eval/bits", "--replicates", "1000000"]
    command = [sys.executable, "-m", "scalelaw.cli", "fit", str(runs), *columns]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, preexec_fn=heed_interrupts, **pipes) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the count of runs: the fit has begun
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


BAD = {
    "empty file": ("", "E_EMPTY", ["runs.csv"]),
    "header only": ("n_params,n_tokens,loss\n", "E_NO_ROWS", ["runs.csv", "0 rows"]),
    "NaN loss": ("nan", "E_NON_FINITE", ["line 5", "loss", "nan"]),
    "negative loss": ("-2.41", "E_NOT_POSITIVE", ["line 5", "loss", "-2.41"]),
    "zero tokens": ("tokens 0", "E_NOT_POSITIVE", ["line 5", "n_tokens", "'0'"]),
    "missing column": ("no tokens", "E_MISSING_COLUMN", ["n_tokens", "columns found"]),
    "text in a number": ("diverged", "E_NOT_A_NUMBER", ["line 5", "loss", "diverged"]),
    "mixed units": ("millions", "E_UNIT_MIXED", ["n_params", "lines"]),
    "two rows for five parameters": ("two rows", "E_TOO_FEW", ["2 rows", "5 parameters"]),
    "all N equal": ("equal", "E_UNIDENTIFIED", ["n_params", "1 distinct"]),
}
"""Ten kinds of bad input: how the table is spoilt, the code, and what the message must name besides the next step."""


def spoilt(how: str) -> str:
    """The text of a clean table with one fault."""
    if how == "" or how.startswith("n_params,"):
        return how
    table = simulated(24)
    params, tokens = table.n_params.round(), table.n_tokens.round()
    cells = [
        [f"{n:.0f}", f"{d:.0f}", f"{6 * n * d:.6e}", f"{y:.6f}"]
        for n, d, y in zip(params, tokens, table.loss, strict=True)
    ]
    header = ["n_params", "n_tokens", "flops", "loss"]
    if how in ("nan", "-2.41", "diverged"):
        cells[3][3] = how
    elif how == "tokens 0":
        cells[3][1] = "0"
    elif how == "millions":
        for row in cells[::4]:
            row[0] = f"{float(row[0]) / 1e6:.3f}"
    elif how == "two rows":
        cells = cells[:2]
    elif how == "equal":
        cells = [["100000000", row[1], "", row[3]] for row in cells]
        header, cells = ["n_params", "n_tokens", "loss"], [[row[0], row[1], row[3]] for row in cells]
    elif how == "no tokens":
        header, cells = ["n_params", "loss"], [[row[0], row[3]] for row in cells]
    return "\n".join(",".join(row) for row in [header, *cells]) + "\n"


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_with_its_place_and_the_next_step(kind: str, tmp_path: Path) -> None:
    how, code, mentions = BAD[kind]
    path = tmp_path / "runs.csv"
    path.write_text(spoilt(how))
    done = scalelaw("fit", path)
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    error = done.stderr.splitlines()[-1]
    for mention in ["runs.csv", code, "Next:", *mentions]:
        assert mention in error, error


def test_the_published_replication_runs_from_the_command_line() -> None:
    if not DEVELOPMENT_DATA.is_dir():
        pytest.skip("published run tables are not beside this checkout (../shared/data)")
    data = DEVELOPMENT_DATA / "epoch-chinchilla" / "svg_extracted_data.csv"
    columns = ("--n-params", "Model Size", "--flops", "Training FLOP", "--loss", "loss")
    published = ("--exclude", "loss >= largest(5)", "--objective", "log_huber")
    done = scalelaw("fit", data, *columns, *published, "--format", "json")
    answer = json.loads(done.stdout)
    assert len(answer["excluded"]) == 5
    assert answer["certificate"]["objective"] == pytest.approx(1.0182740178e-3, rel=1e-9)
    assert answer["estimate"]["alpha"] == pytest.approx(0.34731050, abs=1e-8)


def test_names_from_a_file_cannot_drive_the_terminal(tmp_path: Path) -> None:
    """An escape sequence in a run's name is shown, not obeyed."""
    table = simulated(30)
    ids = ["\x1b[31mred\x1b[0m", *table.run_id[1:]]
    path = tmp_path / "runs.csv"
    write_runs(type(table).of(n_params=table.n_params, n_tokens=table.n_tokens, loss=table.loss, run_id=ids), path)
    done = scalelaw("fit", path, "--exclude", f"loss >= {table.loss[0] - 1e-9}", "--replicates", 10)
    assert "\x1b" not in done.stdout + done.stderr


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = scalelaw("--help")
    for word in ("fit", "predict", "plan", "sweep", "report", "laws", "130 interrupted"):
        assert word in done.stdout


def test_a_pipe_closed_early_is_no_error(law: Path) -> None:
    command = f"{sys.executable} -m scalelaw.cli laws | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
    assert "Traceback" not in done.stderr
