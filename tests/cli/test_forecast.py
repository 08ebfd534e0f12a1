"""`scalelaw forecast` as a user meets it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app
from scalelaw.errors import DataError, UsageError
from scalelaw.forecasting import Curve
from tests.forecasting.made import made

PLAN = ("--schedule", "linear", "--steps", "3k", "--final-lr", "1e-3", "--decay-from", "2460", "--warmup", "300")


def forecast(*words: object) -> Result:
    """The command's answer, by the law that takes no time."""
    return CliRunner().invoke(app, ["forecast", *map(str, words), "--law", "tissue"])


def written(curve: Curve, folder: Path) -> Path:
    path = folder / f"{curve.name}.csv"
    rows = zip(curve.step, curve.rates[curve.step - 1], curve.loss, strict=True)
    path.write_text("step,lr,loss\n" + "".join(f"{step},{rate},{loss}\n" for step, rate, loss in rows))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The first half of a run, and three curves of other schedules."""
    folder = tmp_path_factory.mktemp("forecast")
    others = {name: written(made(name, name), folder) for name in ("constant", "cosine", "step")}
    return {"run": written(made("run", "late").until(1500), folder), **others}


@pytest.fixture(scope="module")
def known(files: dict[str, Path]) -> list[object]:
    """The run and the other curves, as arguments."""
    others = [word for name in ("constant", "cosine", "step") for word in ("--fitted-on", files[name])]
    return [files["run"], *others]


def test_the_final_loss_is_told_with_its_interval_its_unit_and_its_trials(known: list[object]) -> None:
    done = forecast(*known, *PLAN)
    assert done.exit_code == 0, done.output
    for part in ("run at step 3,000", "nats/token", "95 %", "left out", "Student's t", "measured", "now: step 1,500"):
        assert part in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_and_csv_hold_the_same_interval_around_the_truth(known: list[object]) -> None:
    told = json.loads(forecast(*known, *PLAN, "--format", "json").stdout)
    (row,) = csv.DictReader(io.StringIO(forecast(*known, *PLAN, "--format", "csv").stdout))
    assert told["loss"]["low"] == pytest.approx(float(row["low"]))
    assert told["loss"]["low"] < made("run", "late").loss[-1] < told["loss"]["high"]
    assert told["loss"]["unit"] == "nats/token"
    assert [trial["forecast of"] for trial in told["trials"]] == ["constant", "cosine", "step"]


def test_a_schedule_from_a_file_is_the_same_schedule(known: list[object], tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text("step,lr\n1500,0.01\n2460,0.01\n3000,0.001\n")
    by_file, by_shape = (
        json.loads(forecast(*known, *told, "--format", "json").stdout)["loss"]["estimate"]
        for told in (("--schedule", plan, "--warmup", 300), PLAN)
    )
    assert by_file == pytest.approx(by_shape, rel=1e-9)


def test_without_the_rest_of_the_schedule_nothing_is_forecast(known: list[object]) -> None:
    done = forecast(*known)
    assert isinstance(done.exception, DataError)
    assert "tell it with --schedule and --steps" in str(done.exception)
    half = forecast(*known, "--schedule", "linear")
    assert isinstance(half.exception, UsageError)
    assert "give both" in str(half.exception)


def test_two_runs_at_once_are_refused(files: dict[str, Path]) -> None:
    done = forecast(files["run"].parent, *PLAN)
    assert isinstance(done.exception, UsageError)
    assert "one is forecast at a time" in str(done.exception)
