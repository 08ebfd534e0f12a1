"""`scalelaw plan` as a user meets it: every kind of question, its table, its JSON and its refusals."""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalelaw.cli.main import main
from scalelaw.fitting import fit
from tests.conftest import simulated

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved fit of eighty runs."""
    path = tmp_path_factory.mktemp("plan") / "law.json"
    fit("chinchilla", simulated(80)).save(path)
    return path


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def plan(*arguments: object) -> Done:
    """The command, in this process: starting another for each question would take longer than answering it."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["scalelaw", "plan", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def answer(*arguments: object) -> dict[str, Any]:
    done = plan(*arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_devices_and_days_are_a_budget_with_hours_and_money(law: Path) -> None:
    done = plan(law, "--gpus", "512xH100", "--days", 30, "--price", 2.5)
    assert done.returncode == 0, done.stderr
    assert "512 x H100-SXM" in done.stdout
    assert "MFU 0.4" in done.stdout
    assert "(assumed)" in done.stdout
    for line in (
        "5.252e+23",
        "368.6k",
        "921.6k",
        "MFU 0.3",
        "MFU 0.5",
        "N* / 2",
        "2.5 USD a device hour: as given",
    ):
        assert line in done.stdout, line
    assert done.stderr == ""


def test_json_has_every_answer_with_its_unit_and_interval(law: Path) -> None:
    found = answer(law, "--target-loss", 2.2, "--gpus", "8xA100", "--mfu", 0.35)
    units = {"n_params": "parameters", "n_tokens": "tokens", "training": "FLOP", "loss": "nats/token"}
    for name, unit in units.items():
        assert found[name]["unit"] == unit
        assert found[name]["low"] <= found[name]["estimate"] <= found[name]["high"]
    assert found["question"] == "the least FLOP for a loss of 2.2 nats/token, C = 6 N D"
    assert found["loss"]["method"] == "given, not estimated"
    hardware = found["hardware"]
    assert (hardware["accelerator"], hardware["mfu"], hardware["mfu_assumed"]) == ("A100-SXM-80GB", 0.35, False)
    assert hardware["bill"]["money"]["unit"] == "USD"
    assert [cost["what"] for cost in found["costs"]][:2] == ["half the size", "twice the size"]
    assert found["costs"][0]["extra_unit"] == "FLOP"
    assert [variant["assumed"] for variant in found["variants"]] == ["MFU 0.3", "MFU 0.5"]


def test_csv_has_a_row_for_every_answer(law: Path) -> None:
    done = plan(law, "--target-loss", 2.2, "--serve", "1T", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["target"] for row in rows][:5] == ["N*", "D*", "D*/N*", "training compute", "spending"]


def test_serving_weighs_the_price_of_a_served_flop(law: Path) -> None:
    """An L40S at a dollar and 0.2 against an H100 at three and 0.4: (1 / 362 / 0.2) / (3 / 989.4 / 0.4)."""
    devices = ("--gpus", "8xH100", "--mfu", 0.4, "--price", 3)
    plain = answer(law, "--target-loss", 2.2, "--serve", "1T")
    dear = answer(law, "--target-loss", 2.2, "--serve", "1T", *devices, "--serve-gpu", "L40S", "--serve-mfu", 0.2)
    assert f"counting as {(1 / 362 / 0.2) / (3 / 989.4 / 0.4):.3g} of training" in dear["question"]
    assert dear["n_params"]["estimate"] < plain["n_params"]["estimate"]


def test_unique_tokens_are_a_hard_cap_for_a_law_that_knows_no_repeats(law: Path) -> None:
    found = answer(law, "--flops", "1e22", "--unique-tokens", "20B", "--epochs", 2)
    assert found["n_tokens"]["estimate"] == 4e10
    assert found["n_tokens"]["method"].startswith("at the cap")
    assert "hard cap" in found["question"]
    assert "W_REPEATS" in [finding["code"] for finding in found["findings"]]


def test_step_times_of_the_users_own_runs_turn_days_into_tokens(law: Path, tmp_path: Path) -> None:
    path = tmp_path / "timed.csv"
    lines = ["run_id,n_params,n_tokens,loss,steps,wall_s"]
    for n_params in np.geomspace(1e7, 1e9, 6):
        lines.append(f"r{n_params:.0f},{n_params},1e9,3,10000,{10000 * (0.05 + 6 * n_params * 1e5 / 2e14)}")
    path.write_text("\n".join(lines) + "\n")
    found = answer(law, "--days", 10, "--gpus", "8xH100", "--step-times", path)
    assert found["spent"]["unit"] == "days"
    assert found["step_time"]["tokens_per_step_per_device"] == 1e5
    at_the_plan = found["step_time"]["at_the_plan"]
    n_params, n_tokens = found["n_params"]["estimate"], found["n_tokens"]["estimate"]
    assert at_the_plan["estimate"] == pytest.approx(0.05 + 6 * n_params * 1e5 / 2e14, rel=1e-6)
    assert n_tokens * at_the_plan["estimate"] / 1e5 / 8 == pytest.approx(10 * 86_400, rel=1e-9)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--target-loss", 1.5], 4, "[E_UNREACHABLE]"),
        (["--flops", 0], 4, "column budget_flops"),
        ([], 2, "A plan needs one of"),
        (["--flops", 1e21, "--mfu", 0.4], 2, "Next: --gpus"),
        (["--flops", 1e21, "--gpus", "8xPotato"], 2, "Unknown accelerator 'Potato'. Known: A100"),
        (["--flops", 1e21, "--times", 3], 2, "one of them"),
        (["--flops", 1e21, "--at", "bits=4"], 2, "has no input 'bits'"),
        (["--target-loss", 2.2, "--approach", 2], 2, "training budget, and nothing else"),
        (["--times", 0], 2, "Next: --times 10"),
        (["--flops", 1e21, "--gpus", "8xH100", "--mfu", 40], 2, "found 40. Next: --mfu 0.4"),
        (["--gpus", "8xH100", "--days", 0], 4, "column days"),
        (["--flops", 1e300], 4, "1e+60 at most"),
        (["--flops", 1e21, "--serve-gpu", "L40S"], 2, "Next: --serve TOKENS"),
        (["--flops", 1e21, "--serve", "1T", "--serve-mfu", 0, "--gpus", "8xH100"], 2, "found 0"),
        (["--flops", 1e21, "--serve", "1T", "--serve-price", 0, "--gpus", "8xH100"], 2, "found 0"),
        (["--flops", 1e21, "--accelerator-file", "x.csv", "--dtype", "fp8"], 2, "--accelerator-file and --dtype"),
        (["--flops", 1e21, "--epochs", 4], 2, "Next: --unique-tokens"),
        (["--flops", 1e21, "--template", "x.toml"], 2, "belong to --sweep"),
    ],
)
def test_refusals_are_one_line_with_the_next_step(law: Path, words: list[object], code: int, said: str) -> None:
    done = plan(law, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_accelerators_are_listed_without_a_law() -> None:
    done = plan("--accelerators")
    assert done.returncode == 0
    assert "H100-SXM" in done.stdout
    assert "Peaks are dense" in done.stdout
    listed = json.loads(plan("--accelerators", "--format", "json").stdout)["accelerators"]
    assert next(one for one in listed if one["name"] == "H100-SXM")["peak_bf16"] == pytest.approx(989.4e12)


def test_the_plan_becomes_a_sweep_file_that_says_what_made_it(law: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "run.toml"
    found = answer(law, "--flops", "1e22", "--sweep", out, "--template", ROOT / "data/markov/sweep.toml")
    (realised,) = found["realised"]
    assert realised["n_params_wanted"] == found["n_params"]["estimate"]
    assert realised["n_params"] == pytest.approx(found["n_params"]["estimate"], rel=0.05)
    text = out.read_text()
    assert "# Plan: the least loss for 1e+22 FLOP" in text
    assert f"width = {realised['width']}" in text


def test_what_is_no_number_is_said_with_what_was_found(law: Path) -> None:
    done = plan(law, "--flops", 1e21, "--gpus", "8xH100", "--mfu", "40%")
    assert done.returncode == 2
    assert "found '40%'" in done.stderr


def test_csv_is_written_where_some_answers_are_not_available(tmp_path: Path) -> None:
    noisy = fit("chinchilla", simulated(12, noise=0.05))
    noisy.save(tmp_path / "noisy.json")
    done = plan(tmp_path / "noisy.json", "--target-loss", 1.0001 * noisy.value("E"), "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = {row["quantity"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert rows["n_params"]["reason"]
    assert not rows["n_params"]["estimate"]
    assert float(rows["loss"]["estimate"]) == pytest.approx(1.0001 * noisy.value("E"))


@pytest.mark.parametrize(
    "words",
    [
        ["--gpus", "512xH100", "--days", 30],
        ["--target-loss", 2.2, "--gpus", "8xA100", "--serve", "2T", "--serve-gpu", "L40S"],
        ["--gpus", "8xChip", "--peak", 1e14, "--target-loss", 2.2],
    ],
    ids=str,
)
def test_tables_are_80_columns_wide_and_hold_no_nan(law: Path, words: list[object]) -> None:
    out = plan(law, *words).stdout
    tables = out.partition("beyond the runs")[0]
    assert max(map(len, tables.splitlines())) <= 80
    assert "nan" not in out.split()
    assert "given" not in [line.split()[-2] for line in tables.splitlines() if line.startswith("money")]


def test_a_law_with_own_parameters_is_asked_about_by_the_name_of_a_data_set(tmp_path: Path) -> None:
    runs = replace(simulated(40), extras={"dataset": np.array(["a", "b"] * 20)})
    fit("chinchilla{E by dataset: a, b}", runs).save(tmp_path / "own.json")
    assert answer(tmp_path / "own.json", "--flops", 1e22, "--at", "dataset=a")["inputs_held"] == {"dataset": "a"}
