"""Points (N, D) as a sweep's file: it holds exactly the realised runs, says what made it, and overwrites nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

pytest.importorskip("torch")

import scalelaw as sl
from runners.spec import TrainSpec
from runners.sweeps import Sweep, estimate
from scalelaw.cli._sweep_file import _said, realise_points, realised_rows, realised_table, sweep_text, write_sweep_file
from scalelaw.cli.main import app
from scalelaw.errors import DataError, UsageError

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = """
[base]
corpus = "markov"
depth = { aspect = 16 }
head_dim = 8
context = 32
batch_size = 8
base_width = 16
lr = 0.03125
val_tokens = 512
evals = 1
"""
POINTS = [(2e4, 1e5), (5e4, 2e5), (2e4, 1e5)]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "base.toml"
    path.write_text(TEMPLATE)
    return path


def law(tmp_path: Path, name: str, column: str, values: np.ndarray, **inputs: np.ndarray) -> Path:
    """A saved fit of a law of the hyperparameters."""
    runs = sl.RunTable.of(loss=np.ones(len(values)), **inputs, extras={column: values})  # type: ignore[arg-type]
    sl.fit(name, runs).save(tmp_path / f"{column}.json")
    return tmp_path / f"{column}.json"


@pytest.fixture
def sizes() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"n_params": np.exp(rng.uniform(9, 14, 24)), "n_tokens": np.exp(rng.uniform(11, 16, 24))}


def test_the_file_holds_exactly_the_realised_runs(template: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "next.toml"
    found = write_sweep_file(POINTS, template, out, name="next")
    loaded = Sweep.load(out)
    assert loaded.name == "next"
    assert loaded.specs == tuple(realised.spec for realised in found)


def test_a_point_that_stands_there_again_is_another_seed(template: Path) -> None:
    found = realise_points([*POINTS, (2.001e4, 1e5)], template)
    assert [realised.spec.seed for realised in found] == [0, 0, 1, 2]
    assert len({realised.spec.run_id for realised in found}) == 4


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    points=st.lists(
        st.tuples(st.floats(5.5, 12).map(lambda x: 10**x), st.floats(7, 13).map(lambda x: 10**x)),
        min_size=1,
        max_size=4,
    ),
    convention=st.sampled_from(["all", "non_embedding", "kaplan"]),
)
def test_what_is_written_is_what_is_read_at_every_size(
    points: list[tuple[float, float]], convention: str, tmp_path: Path
) -> None:
    """Sizes within a factor of 100: a family whose smallest member chose its vocabulary and heads."""
    least = max(n_params for n_params, _ in points) / 100
    points = [(max(n_params, least), n_tokens) for n_params, n_tokens in points]
    out = tmp_path / "sizes.toml"
    found = write_sweep_file(points, None, out, name="sizes", convention=convention, force=True)
    loaded = Sweep.load(out)
    assert loaded.specs == tuple(realised.spec for realised in found)
    for spec, realised in zip(loaded.specs, found, strict=True):
        planned = estimate(spec)
        assert (planned.n_params, planned.flops) == (realised.counts.n_params, realised.flops)


def test_texts_of_any_kind_survive(tmp_path: Path) -> None:
    corpus = 'files:/tmp/a "quoted" \\ folder\x7f and 🙂'
    template = tmp_path / "base.toml"
    template.write_text('[base]\ncorpus = "docs"\ndepth = 2\n', encoding="utf-8")
    out = tmp_path / "texts.toml"
    about = ["from law.json\nname = 'forged'", "\x1b[31mred"]
    found = write_sweep_file([(1e6, 1e7)], template, out, name="texts", corpus=corpus, about=about)
    loaded = Sweep.load(out)
    assert loaded.specs == tuple(realised.spec for realised in found)
    assert loaded.specs[0].corpus == corpus
    assert loaded.name == "texts"
    assert "\x1b" not in out.read_text(encoding="utf-8")


def test_the_head_says_what_made_it_and_each_cell_what_was_wanted(template: Path) -> None:
    found = realise_points(POINTS, template, convention="non_embedding")
    text = sweep_text(found, "next", ["law chinchilla, runs 0123abcd"])
    assert text.startswith("# law chinchilla, runs 0123abcd\n# Made by scalelaw")
    assert "# N counts non_embedding: without token" in text
    assert text.count("# wanted N 20000, D 100000; N ") == 2
    assert f"{found[0].n_params:,} (" in text


def test_another_file_is_never_written_over_unless_forced(template: Path, tmp_path: Path) -> None:
    out = tmp_path / "next.toml"
    write_sweep_file(POINTS, template, out, name="next")
    text = out.read_text()
    write_sweep_file(POINTS, template, out, name="next")
    with pytest.raises(UsageError, match="holds something else"):
        write_sweep_file(POINTS[:1], template, out, name="next")
    assert out.read_text() == text
    write_sweep_file(POINTS[:1], template, out, name="next", force=True)
    assert len(Sweep.load(out).specs) == 1


def test_a_name_that_is_no_folders_writes_nothing(template: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="without slashes"):
        write_sweep_file(POINTS, template, tmp_path / "next.toml", name="../next")
    assert not (tmp_path / "next.toml").exists()


def test_no_point_is_no_sweep(template: Path) -> None:
    with pytest.raises(UsageError, match="no point"):
        realise_points([], template)


def test_a_rate_by_law_takes_the_place_of_the_templates(
    template: Path, tmp_path: Path, sizes: dict[str, np.ndarray]
) -> None:
    rates = 1.79 * sizes["n_params"] ** -0.713 * sizes["n_tokens"] ** 0.307
    saved = law(tmp_path, "learning_rate", "learning_rate", rates, **sizes)
    (found,) = realise_points([(1e5, 1e6)], template, lr_law=saved)
    assert found.spec.lr == pytest.approx(1.79 * 1e5**-0.713 * 1e6**0.307, rel=1e-6)
    assert any(note.startswith("learning rate: learning_rate of") for note in found.notes)
    out = tmp_path / "rates.toml"
    both = write_sweep_file([(1e5, 1e6), (4e5, 1e6)], template, out, name="rates", lr_law=saved)
    assert [spec.lr for spec in Sweep.load(out).specs] == [realised.spec.lr for realised in both]
    assert both[0].spec.lr > both[1].spec.lr


def test_a_rate_by_law_comes_with_its_interval(sizes: dict[str, np.ndarray]) -> None:
    rates = sizes["n_params"] ** -0.5 * np.exp(np.random.default_rng(1).normal(0, 0.05, 24))
    fit = sl.fit("learning_rate", sl.RunTable.of(loss=np.ones(24), extras={"learning_rate": rates}, **sizes))  # type: ignore[arg-type]
    said = _said(fit, Path("rates.json"), 1e5, 1e6, "all")
    assert said is not None
    interval = re.search(r"\[(\S+), (\S+)\] \(95 %\)", said.source)
    assert interval is not None
    low, high = map(float, interval.groups())
    assert low < 1e5**-0.5 < high < 1.5 * low


def test_a_batch_by_law_is_rounded_to_whole_sequences(
    template: Path, tmp_path: Path, sizes: dict[str, np.ndarray]
) -> None:
    saved = law(tmp_path, "batch_size", "batch_tokens", 0.58 * sizes["n_tokens"] ** 0.571, **sizes)
    (found,) = realise_points([(1e5, 1e6)], template, batch_law=saved)
    assert found.spec.batch_size == round(0.58 * 1e6**0.571 / 32)
    assert any(note.startswith("batch size: batch_size") for note in found.notes)


def test_a_law_of_something_else_is_refused(template: Path, tmp_path: Path, sizes: dict[str, np.ndarray]) -> None:
    saved = law(tmp_path, "batch_size", "batch_tokens", 0.58 * sizes["n_tokens"] ** 0.571, **sizes)
    with pytest.raises(UsageError, match="predicts batch_tokens; one of learning_rate was expected"):
        realise_points([(1e5, 1e6)], template, lr_law=saved)


def test_a_law_that_counts_n_otherwise_is_refused(template: Path, tmp_path: Path, sizes: dict[str, np.ndarray]) -> None:
    saved = law(tmp_path, "learning_rate", "learning_rate", sizes["n_params"] ** -0.5, **sizes)
    with pytest.raises(UsageError, match="counts N as all, and the sizes wanted are counted as kaplan"):
        realise_points([(1e5, 1e6)], template, lr_law=saved, convention="kaplan")


def test_a_table_has_a_line_for_each_size_and_counts_its_seeds(template: Path) -> None:
    counted = np.array(POINTS).astype(np.int64)
    found = realise_points([tuple(point) for point in counted], template)
    lines = realised_table(found).splitlines()
    assert lines[0].split("  ")[:2] == ["width", "depth"]
    assert [line.split()[-1] for line in lines[2:4]] == ["2", "1"]
    assert max(map(len, lines[:4])) <= 80
    rows = realised_rows(found)
    assert json.loads(json.dumps(rows)) == rows
    assert [row["n_params"] for row in rows] == [realised.n_params for realised in found]


def test_without_torch_the_extra_is_named() -> None:
    code = """
import sys
sys.modules["torch"] = None
from scalelaw.cli._sweep_file import realise_points
from scalelaw.errors import MissingExtraError
try:
    realise_points([(1e9, 2e10)])
except MissingExtraError as error:
    assert "scalelaw[train]" in str(error), error
else:
    raise AssertionError("not refused")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def size(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["params", "size", *map(str, words)])


def test_params_size_prints_exact_counts_at_any_size() -> None:
    done = size("--n-params", "70B", "--n-tokens", "1.4T")
    assert done.exit_code == 0, done.output
    rows = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    spec = realise_points([(70e9, 1.4e12)])[0]
    assert f"{spec.n_params:,}" in rows["N"]
    assert f"{spec.n_tokens:,}" in rows["D"]
    assert "TB" in rows["memory"]
    assert max(map(len, (line for line in done.stdout.splitlines() if not line.startswith("note")))) <= 80


def test_params_size_writes_a_sweep_and_says_it_in_json_and_csv(template: Path, tmp_path: Path) -> None:
    words = ("--n-params", "50k", "--n-tokens", "1M", "--template", template)
    out = tmp_path / "one.toml"
    done = size(*words, "--sweep", out, "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert Sweep.load(out).specs == (TrainSpec(**told["spec"]),)
    assert told["memory"]["total"] == told["memory_bytes"]
    (row,) = csv.DictReader(io.StringIO(size(*words, "--format", "csv").stdout))
    assert int(row["n_params"]) == told["n_params"]


def test_params_size_refuses_what_cannot_be(template: Path) -> None:
    words = ("--n-tokens", "1M", "--template", template)
    assert "comes near to 10 parameters" in str(size("--n-params", "10", *words).exception)
    assert "Unknown convention" in str(size("--n-params", "1M", *words, "--convention", "active").exception)
