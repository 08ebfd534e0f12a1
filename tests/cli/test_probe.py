"""`scalelaw probe`: data on stdout, a figure where asked for, and an exit code where it is a check."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app
from scalelaw.errors import DataError, MissingExtraError, ScalelawError, UsageError

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "data" / "probes"
SWEEPS = {**{path.stem: path for path in TEMPLATES.glob("*.toml")}, "lr_transfer": ROOT / "data/lr_transfer/sweep.toml"}


def probe(*words: str | Path) -> Result:
    """The command's answer."""
    return CliRunner().invoke(app, ["probe", *map(str, words)])


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """Two parametrizations at three widths: the optimum of one stays, the other's falls an octave a doubling."""
    path = tmp_path / "runs.csv"
    rows = ["parametrization,width,lr,seed,loss,status"]
    for name, slope in (("mup", 0.0), ("standard", -1.0)):
        for doubling in range(3):
            for x in range(-10, -2):
                for seed in range(3):
                    loss = 2.5 + 0.05 * (x + 5.3 - slope * doubling) ** 2 + 0.001 * seed * x
                    end = f"{loss},finished" if loss < 3.5 else ",diverged"
                    rows.append(f"{name},{32 * 2**doubling},{2.0**x},{seed},{end}")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_lr_transfer_tells_the_parametrizations_apart(swept: Path) -> None:
    done = probe("lr-transfer", swept)
    assert done.exit_code == 0, done.output
    assert "mup, width 32 to 128: the learning rate transfers" in done.stdout
    assert "standard, width 32 to 128: the learning rate does not transfer" in done.stdout


def test_lr_transfer_is_a_check_of_what_is_required(swept: Path) -> None:
    assert probe("lr-transfer", swept, "--require", "mup").exit_code == 0
    failed = probe("lr-transfer", swept, "--require", "standard", "--format", "json")
    assert isinstance(failed.exception, ScalelawError)
    assert failed.exception.exit_code == 1
    assert "standard" in str(failed.exception)
    found = json.loads(failed.stdout)["transfers"]
    assert [transfer["transfers"] for transfer in found] == [True, False]
    absent = probe("lr-transfer", swept, "--require", "ntk")
    assert "ntk" in str(absent.exception)


def test_what_cannot_be_told_does_not_pass_as_transferring(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    rows = [f"mup,{width},{2.0**x},0,{3 + x / 100}" for width in (32, 64) for x in range(-6, -2)]
    path.write_text("\n".join(["parametrization,width,lr,seed,loss", *rows]) + "\n")
    done = probe("lr-transfer", path, "--require", "mup")
    assert isinstance(done.exception, ScalelawError)
    assert "at the edge of the sweep" in done.stdout


def test_the_table_it_writes_is_one_it_reads(swept: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    first = probe("lr-transfer", swept, "--table", copy, "--format", "csv")
    assert probe("lr-transfer", copy, "--format", "csv").stdout == first.stdout
    rows = list(csv.DictReader(io.StringIO(copy.read_text())))
    assert {row["status"] for row in rows} == {"finished", "diverged"}
    assert len(rows) == len(swept.read_text().splitlines()) - 1


def test_lr_sensitivity_is_told_in_every_format(swept: Path) -> None:
    words = ("lr-sensitivity", swept, "--initial-loss", "5.545")
    assert "is the most sensitive" in probe(*words).stdout
    data = json.loads(probe(*words, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(probe(*words, "--format", "csv").stdout)))
    assert [float(row["sensitivity"]) for row in rows] == [model["sensitivity"] for model in data["models"]]
    assert len(rows) == 6
    assert len(json.loads(probe(*words, "--parametrization", "mup", "--format", "json").stdout)["models"]) == 3


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_figure_is_drawn_and_drawn_alike_again(swept: Path, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    files = [tmp_path / f"{i}.{ending}" for i in range(2)]
    for file in files:
        assert probe("lr-transfer", swept, "--figure", file).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(files[0].read_bytes()) > 5000
    if ending == "svg":
        assert "<!-- learning rate, log2 -->" in files[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["lr-sensitivity", "sharpness"])
def test_a_figure_of_another_kind_is_refused_before_anything_is_measured(
    swept: Path, tmp_path: Path, name: str
) -> None:
    initial = ("--initial-loss", "5") if name == "lr-sensitivity" else ()
    done = probe(name, swept, *initial, "--figure", tmp_path / "figure.pdf")
    assert isinstance(done.exception, UsageError)
    assert ".svg or .png" in str(done.exception)
    assert done.stdout == ""


def test_a_table_tells_once_what_is_the_same_in_every_row(swept: Path) -> None:
    done = probe("lr-sensitivity", swept, "--initial-loss", "5.545", "--parametrization", "mup")
    header, *_ = done.stdout.splitlines()
    assert header.split()[0] == "width"
    assert "in every row: family mup, " in done.stdout
    assert "family" in probe("lr-sensitivity", swept, "--initial-loss", "5.545").stdout.splitlines()[0]


def test_the_probes_of_sweeps_run_with_torch_absent(swept: Path) -> None:
    code = f"""
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, NoTorch())
from scalelaw.cli.main import app
app(["probe", "lr-transfer", {str(swept)!r}, "--require", "mup"], standalone_mode=False)
app(["probe", "lr-sensitivity", {str(swept)!r}, "--initial-loss", "5.5"], standalone_mode=False)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_probe_that_trains_says_how_to_install_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "runners.sweeps", None)
    done = probe("growth", TEMPLATES / "growth.toml")
    assert isinstance(done.exception, MissingExtraError)
    assert "pip install 'scalelaw[train]'" in str(done.exception)


def test_a_sweep_that_is_absent_is_named(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = probe("noise-scale", tmp_path / "absent.toml")
    assert isinstance(done.exception, DataError)
    assert "absent.toml" in str(done.exception)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two runs of eight steps."""
    pytest.importorskip("torch")
    path = tmp_path / "tiny.toml"
    path.write_text(
        '[base]\ncorpus = "markov"\ndepth = 1\nn_tokens = 2048\ncontext = 16\nbatch_size = 16\nhead_dim = 8\n'
        "[grid]\nwidth = [8, 16]\n"
    )
    return path


@pytest.mark.parametrize(
    ("words", "column"),
    [
        (("sharpness", "--points", "2", "--examples", "8"), "sharpness"),
        (("noise-scale", "--points", "2", "--small", "1", "--batches", "4"), "noise_scale"),
        (("growth", "--points", "2", "--examples", "4"), "max_attention_logit"),
    ],
    ids=["sharpness", "noise-scale", "growth"],
)
def test_a_probe_that_trains_gives_rows_a_verdict_and_a_figure(
    tiny: Path, tmp_path: Path, words: tuple[str, ...], column: str
) -> None:
    name, *options = words
    figure = tmp_path / "figure.png"
    done = probe(name, tiny, *options, "--quiet", "--format", "json", "--figure", figure)
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert {row["width"] for row in data["points"]} == {8, 16}
    assert all(row[column] is None or row[column] > 0 for row in data["points"])
    assert data["sentences"][0].endswith(".")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_growth_is_a_check_where_required(tiny: Path) -> None:
    words = ("growth", tiny, "--points", "2", "--examples", "4", "-q")
    assert probe(*words, "--require").exit_code == 0
    failed = probe(*words, "--require", "--limit", "0.001")
    assert isinstance(failed.exception, ScalelawError)
    assert "qk_norm" in str(failed.exception)
    assert probe(*words, "--limit", "0.001").exit_code == 0


@pytest.mark.parametrize("name", sorted(SWEEPS))
def test_the_templates_that_ship_are_sweeps(name: str) -> None:
    pytest.importorskip("torch")
    from runners.sweeps import Sweep

    sweep = Sweep.load(SWEEPS[name])
    assert sweep.name == name
    assert len({spec.width for spec in sweep.specs}) > 1
    if name == "lr_transfer":
        assert {spec.seed for spec in sweep.specs} >= {0, 1, 2}
        assert {spec.parametrization for spec in sweep.specs} == {"mup", "standard"}
