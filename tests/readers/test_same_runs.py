"""Three runs, logged by the real libraries in every tracker's format, are one table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalelaw.readers import read_runs
from scalelaw.runs import RunTable

SAMPLES = Path(__file__).with_name("samples")
"""Written by our own scripts with the libraries that users log with; `about.csv` tells what a format leaves out."""
IN_PLACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "tracker-samples"
"""The larger ones, where they are beside the checkout."""

RUNS = ("n1000000", "n3000000", "n10000000")
FLOAT32 = 1e-6
"""Relative error of what a format keeps in 4 bytes."""


@dataclass(frozen=True)
class Format:
    """A file or folder of runs, what must be told to read it, and how exactly it holds a loss."""

    path: Path
    told: Mapping[str, Any] = field(default_factory=dict)
    runs: tuple[str, ...] = RUNS
    rtol: float = 0.0


ABOUT = {"about": SAMPLES / "about.csv"}
FORMATS = {
    "jsonl": Format(SAMPLES / "jsonl"),
    "wandb_offline": Format(SAMPLES / "wandb_offline"),
    "wandb_chart": Format(SAMPLES / "wandb_export.csv", ABOUT),
    "tensorboard": Format(SAMPLES / "tb", ABOUT, rtol=FLOAT32),
    "mlflow": Format(IN_PLACE / "mlflow.db"),
    "mlflow_files": Format(IN_PLACE / "mlruns"),
    "trackio": Format(IN_PLACE / "trackio"),
    "clearml": Format(IN_PLACE / "clearml", {"loss": "loss/eval"}, RUNS[:1]),
    "dvclive": Format(SAMPLES / "dvclive" / "n1000000" / "dvclive", ABOUT, RUNS[:1]),
}


def logged(runs: tuple[str, ...]) -> list[tuple[str, float, float, float, float]]:
    """What the runs logged, as the lines of their JSONL say: name, N, D, C and loss."""
    rows = []
    for name in runs:
        config, *points = map(json.loads, (SAMPLES / "jsonl" / f"{name}.jsonl").read_text().splitlines())
        rows += [(name, config["n_params"], point["tokens"], point["flops"], point["val_loss"]) for point in points]
    return sorted(rows)


def rows_of(table: RunTable) -> list[tuple[str, float, float, float, float]]:
    """The same of a table."""
    columns = (table.n_params, table.n_tokens, table.flops, table.loss)
    return sorted(zip(table.run_id, *(column.tolist() for column in columns), strict=True))


def read(name: str, curve: str) -> RunTable:
    """A format's table; the test is skipped where its sample is not at hand."""
    form = FORMATS[name]
    if not form.path.exists():
        pytest.skip(f"{form.path.name}: the sample is not beside this checkout (../shared/data/tracker-samples)")
    return read_runs(form.path, curve=curve, **form.told)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_the_same_points(name: str) -> None:
    found, expected = rows_of(read(name, "all")), logged(FORMATS[name].runs)
    assert len(found) == 50 * len(FORMATS[name].runs)
    assert [row[0] for row in found] == [row[0] for row in expected]
    np.testing.assert_allclose([row[1:] for row in found], [row[1:] for row in expected], rtol=FORMATS[name].rtol)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_with_the_same_losses(name: str) -> None:
    """A tracker's rows are points of curves, so that its last ones are what a fit sees unless asked otherwise."""
    found, expected = rows_of(read(name, "last")), logged(FORMATS[name].runs)[49::50]
    assert [row[0] for row in found] == [row[0] for row in expected]
    np.testing.assert_allclose([row[1:] for row in found], [row[1:] for row in expected], rtol=FORMATS[name].rtol)
    assert rows_of(read(name, "auto")) == found
