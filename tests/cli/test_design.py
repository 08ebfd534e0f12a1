"""`scalelaw design` on a saved fit: tables, data, sweep files, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import scalelaw as sl
from scalelaw.cli.main import app
from tests.designing.conftest import pilots


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("design") / "law.json"
    sl.fit("chinchilla", pilots(), starts=8).save(path)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["design", *map(str, words)])


def test_the_table_names_runs_targets_and_the_saving(law: Path) -> None:
    done = run(law, "--budget", "2e20", "--largest", "3e19", "--draws", 6)
    assert done.exit_code == 0, done.output
    for text in (
        "15 runs",
        "N, parameters",
        "IsoFLOP needs",
        "3e+21",
        "3e+22",
        "saving",
        "trust",
        "the compute",
        "90 % of draws",
    ):
        assert text in " ".join(done.output.split())
    assert all(len(line) <= 100 for line in done.output.split("warning:")[0].splitlines())


def test_json_holds_the_runs_the_grid_and_every_ratio(law: Path) -> None:
    done = run(law, "--budget", "2e20", "--target-flops", "50x", "--draws", 4, "--format", "json")
    found = json.loads(done.stdout)
    assert found["format"] == "scalelaw/design/1"
    assert sum(row["flops"] * row["repeats"] for row in found["runs"]) == pytest.approx(found["cost_flops"])
    assert sum(row["flops"] * row["repeats"] for row in found["isoflop_grid"]) == pytest.approx(found["cost_flops"])
    assert found["cost_flops"] <= 2e20
    assert [row["target"] for row in found["targets"]] == ["loss", "N_opt"]
    assert all(row["flops"] == pytest.approx(50 * found["largest_flops"]) for row in found["targets"])
    assert "90 % of draws" in found["method"]


def test_csv_is_the_runs(law: Path) -> None:
    done = run(law, "--budget", "1e19", "--points", 9, "--draws", 4, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert sum(float(row["repeats"]) for row in rows) == 9
    assert all(
        float(row["flops"]) == pytest.approx(6 * float(row["n_params"]) * float(row["n_tokens"])) for row in rows
    )


def test_the_next_run_comes_with_its_gain_for_each_flop_and_with_alternatives(law: Path) -> None:
    done = run(law, "--next", 2, "--largest", "1e19", "--draws", 4, "--format", "json")
    found = json.loads(done.stdout)
    assert len(found["runs"]) == 2
    assert len(found["alternatives"]) == 20
    for row in found["runs"]:
        assert row["gain_per_flop"] == pytest.approx(row["gain"] / row["flops"])
        assert row["flops"] <= 1e19 * (1 + 1e-9)
    table = run(law, "--next", 1, "--draws", 4)
    assert "gain/FLOP" in table.output
    assert "instead of the first" in table.output
    kinds = [row["kind"] for row in csv.DictReader(io.StringIO(run(law, "--next", 1, "--format", "csv").stdout))]
    assert kinds == ["next"] + ["alternative"] * 20


def test_the_sweep_file_holds_a_run_for_each_repeat(law: Path, tmp_path: Path) -> None:
    sweeps = pytest.importorskip("runners.sweeps")
    out = tmp_path / "pilots.toml"
    done = run(law, "--budget", "2e18", "--points", 9, "--draws", 4, "--sweep", out, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    specs = sweeps.Sweep.load(out).specs
    assert len(specs) == len(found["realised"]) == 9
    assert len({spec.run_id for spec in specs}) == 9
    for row in found["realised"]:
        assert row["n_params"] == pytest.approx(row["n_params_wanted"], rel=0.1)


def test_the_figure_is_written(law: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run(law, "--budget", "2e20", "--draws", 4, "--figure", tmp_path / "design.svg")
    assert done.exit_code == 0, done.output
    assert b"<svg" in (tmp_path / "design.svg").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--budget"),
        (("--next", 1, "--alone"), "--alone"),
        (("--next", 1, "--points", 3), "--points"),
        (("--budget", "1e20", "--force"), "--sweep"),
        (("--budget", "1e20", "--criterion", "A"), "Known: compound, decision"),
        (("--budget", "1e20", "--target-flops", "soon"), "100x"),
    ],
)
def test_what_cannot_be_is_a_usage_error(law: Path, words: tuple[object, ...], said: str) -> None:
    done = run(law, *words)
    assert said in str(done.exception)
    assert getattr(done.exception, "exit_code", None) == 2


def test_a_budget_too_small_for_a_whole_parameter_is_refused(law: Path) -> None:
    done = run(law, "--budget", 1, "--draws", 4)
    assert isinstance(done.exception, sl.UsageError)
    assert "Next: a larger --budget" in str(done.exception)
