"""The committed table of fitted irreducible losses belongs to this code, and they lie near the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runners.store import RunStore
from runners.sweeps import Sweep
from runners.training import train
from scalelaw.catalogue import shipped
from scalelaw.readers import read_runs
from tests.slow.entropy_study import NEAR, SOURCES, TABLE, code_hash, read, study

pytestmark = pytest.mark.slow


def test_the_table_was_made_by_this_code() -> None:
    assert f"code {code_hash()}," in TABLE.read_text().splitlines()[0], "stale; run python -m tests.slow.entropy_study"


@pytest.mark.parametrize("source", SOURCES)
def test_every_part_of_a_ladder_gives_the_entropy(source: str) -> None:
    for row in read():
        if row["source"] == source:
            assert abs(float(row["error"])) < NEAR, row["part"]
            assert float(row["low"]) < float(row["truth"]) < float(row["high"]), row["part"]


@pytest.mark.parametrize("source", SOURCES)
def test_the_fits_repeat_themselves(source: str) -> None:
    """To a thousandth of a nat: last digits may differ between machines."""
    committed = [row for row in read() if row["source"] == source]
    for found, row in zip(study(source), committed, strict=True):
        assert found["part"] == row["part"]
        for name in ("E", "low", "high", "truth"):
            assert float(str(found[name])) == pytest.approx(float(row[name]), abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("source", SOURCES)
def test_the_cheapest_run_of_a_ladder_trains_to_its_loss_again(source: str, tmp_path: Path) -> None:
    """To 2e-3 nats, in a minute or two: last digits may differ between machines, and training spreads them."""
    spec = Sweep.load(shipped(source).with_name("sweep.toml")).largest_first()[-1]
    runs = read_runs(shipped(source))
    (logged,) = runs.loss[[str(name) == spec.run_id for name in runs.run_id]]
    record = train(replace(spec, evals=1), RunStore(tmp_path), device="cpu")
    assert record["loss"] == pytest.approx(float(logged), abs=2e-3)
