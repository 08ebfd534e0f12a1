"""The log holds whole lines of JSON, and the right to write it is given back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runners.corpora import CORPORA
from runners.leases import LeaseTakenError, is_held
from runners.models import FAMILIES
from runners.options import RunOptions
from runners.recording import LogFile, Recording
from runners.spec import TrainSpec
from runners.store import RunStore
from scalelaw.errors import UsageError

SPEC = TrainSpec("markov", width=16, depth=1, n_tokens=4096, context=16, batch_size=4)


def recording(store: RunStore) -> Recording:
    source = CORPORA["markov"]
    return Recording(SPEC, source, FAMILIES["transformer"].counts(SPEC, source), store, "cpu", RunOptions())


def test_lines_are_appended_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n')
    log = LogFile(path)
    log.write({"step": 2})
    assert log.sync() == path.stat().st_size
    log.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 1}, {"step": 2}]


def test_a_number_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "metrics.jsonl")
    with pytest.raises(ValueError, match="JSON compliant"):
        log.write({"train_loss": float("nan")})
    assert log.sync() == 0
    log.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_line_that_does_not_fit_on_the_disk_is_an_error() -> None:
    log = LogFile(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        log.write({"step": 1})
    log.close()


def test_the_lease_is_given_back_whatever_happens(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")

    def fail() -> None:
        with recording(store):
            assert is_held(store.lease(SPEC.run_id))
            raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        fail()
    assert not (tmp_path / "runs").exists()
    with recording(store), pytest.raises(LeaseTakenError), recording(store):
        pass


@pytest.mark.parametrize("wrong", [{"checkpoint_s": -1.0}, {"checkpoint_s": float("nan")}, {"checkpoint_steps": -1}])
def test_an_interval_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="cannot be negative"):
        RunOptions(**wrong)  # type: ignore[arg-type]


def test_an_unknown_sink_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Unknown sink 'nope'. Known: tensorboard, wandb"):
        RunOptions(sinks=("nope",))
