"""A sweep in several processes: the same numbers, whatever is killed and whenever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runners import training
from runners.leases import Lease, is_held
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.sweeps import Sweep, estimate, status
from runners.training import train
from runners.workers import Event, run_sweep
from tests.conftest import heed_interrupts

SWEEP = """
[base]
corpus = "markov"
width = 16
depth = 1
context = 32
batch_size = 8
val_tokens = 2048
evals = 2
dropout = 0.1
[grid]
n_tokens = ["20k", "100k"]
seed = [0, 1, 2]
"""

SILENT = """
[grid]
corpus = "markov"
width = 16
depth = 1
context = 32
batch_size = 4096
n_tokens = "20M"
val_tokens = 2048
evals = 1
"""
"""A run whose fifty steps between two reports take long."""

LADDER = """
[base]
corpus = "markov"
width = 16
depth = 1
context = 32
batch_size = 8
val_tokens = 2048
evals = 2
dropout = 0.1
schedule = "wsd"
warmup_tokens = 1280
trunk_tokens = 20480
[grid]
n_tokens = [5120, 10240, 20480]
seed = [0, 1]
"""

CLOCKS = ("wall_s", "device_s", "memory_bytes")

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states of processes are read from /proc")

DRIVER = """
import json, multiprocessing, sys
from runners.store import RunStore
from runners.sweeps import Sweep
from runners.workers import run_sweep

def tell(event):
    pids = [child.pid for child in multiprocessing.active_children()]
    news = {"kind": event.kind, "run_id": event.run_id, "tokens": event.tokens, "pids": pids}
    print(json.dumps(news), flush=True)

failures = run_sweep(Sweep.load(sys.argv[1]), RunStore(sys.argv[2]), workers=2, device="cpu", on_event=tell)
print(json.dumps({"kind": "end", "failures": [event.message for event in failures]}), flush=True)
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    path = tmp_path_factory.mktemp("sweep") / "sweep.toml"
    path.write_text(SWEEP)
    return Sweep.load(path)


@pytest.fixture(scope="module")
def expected(sweep: Sweep, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every run gives when nothing goes wrong, in this process."""
    store = RunStore(tmp_path_factory.mktemp("expected"))
    assert run_sweep(sweep, store, workers=1, device="cpu") == []
    return numbers(sweep, store)


def numbers(sweep: Sweep, store: RunStore) -> dict[str, Any]:
    """Every run's record and metrics but for what the runs took, which is all that may differ."""
    found = {}
    for spec in sweep.specs:
        lines = (store.folder(spec.run_id) / "metrics.jsonl").read_text().splitlines()
        records = [store.done(spec.run_id), *map(json.loads, lines)]
        found[spec.run_id] = [{k: v for k, v in record.items() if k not in CLOCKS} for record in records if record]
    return found


def finished(sweep: Sweep, store: RunStore) -> dict[str, int]:
    """When each finished run was written."""
    done = {spec.run_id: store.folder(spec.run_id) / "done.json" for spec in sweep.specs}
    return {run_id: path.stat().st_mtime_ns for run_id, path in done.items() if path.exists()}


@pytest.fixture
def driver(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A sweep of two workers in a process group of its own, as a terminal would start it."""
    path = tmp_path / "sweep.toml"
    path.write_text(getattr(request, "param", SWEEP))
    command = [sys.executable, "-c", DRIVER, str(path), str(tmp_path / "runs")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, preexec_fn=heed_interrupts, **pipes) as process:
        yield process
        process.kill()


def wait_for(driver: subprocess.Popen[str], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first event that is wanted."""
    assert driver.stdout is not None
    for line in driver.stdout:
        event: dict[str, Any] = json.loads(line)
        if wanted(event):
            return event
    raise AssertionError(driver.stderr.read() if driver.stderr else "the sweep ended early")


def between_two_runs(driver: subprocess.Popen[str]) -> dict[str, Any]:
    """An event of a run under way after another has finished: the moment at which a kill can do harm."""
    wait_for(driver, lambda event: event["kind"] == "done")
    return wait_for(driver, lambda event: event["kind"] == "tokens")


def early_in_a_run(driver: subprocess.Popen[str]) -> dict[str, Any]:
    """An event of a long run of which most is still to come, after another run has finished."""
    wait_for(driver, lambda event: event["kind"] == "done")
    return wait_for(driver, lambda event: event["kind"] == "tokens" and 256 < event["tokens"] < 30_000)


def ended(pid: int) -> bool:
    """Whether a process is gone, or is only waiting for its parent to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def all_end(pids: list[int], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if all(ended(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_numbers_do_not_depend_on_the_number_of_workers(sweep: Sweep, expected: dict[str, Any], tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert run_sweep(sweep, store, workers=3, device="cpu") == []
    assert numbers(sweep, store) == expected


def test_a_finished_sweep_trains_nothing_again(sweep: Sweep, tmp_path: Path) -> None:
    store, events = RunStore(tmp_path), list[Event]()
    run_sweep(sweep, store, limit=2, device="cpu")
    before = finished(sweep, store)
    run_sweep(sweep, store, limit=0, device="cpu", on_event=events.append)
    assert (finished(sweep, store), events) == (before, [])


@pytest.mark.parametrize("limit", [0, 1, 4, 6, 9])
def test_a_limit_trains_that_many_of_the_smallest(
    sweep: Sweep, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def record(spec: Any, *args: object) -> dict[str, Any]:
        trained.append(spec)
        return {"n_tokens": 0, "loss": 0.0, "status": "finished"}

    monkeypatch.setattr("runners.workers.train", record)
    run_sweep(sweep, RunStore(tmp_path), limit=limit, device="cpu")
    seconds = sorted(estimate(spec).seconds for spec in sweep.specs)
    assert sorted(estimate(spec).seconds for spec in trained) == seconds[:limit]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_fails_leaves_the_others_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """The corpus of one run is too small for it; the failure is returned with its reason."""
    (tmp_path / "page.txt").write_text("too little")
    monkeypatch.setenv("SCALELAW_DOCS", str(tmp_path))
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP.replace('n_tokens = ["20k", "100k"]\nseed = [0, 1, 2]', 'n_tokens = "20k"\nseed = [0, 1]'))
    path.write_text(path.read_text() + '[[cells]]\ncorpus = "docs"\nn_tokens = "40k"\n')
    sweep, store = Sweep.load(path), RunStore(tmp_path / "runs")
    failures = run_sweep(sweep, store, workers=workers, device="cpu")
    assert ["E_DATA_TOO_SMALL" in failure.message for failure in failures] == [True]
    assert len(finished(sweep, store)) == 2


def resumed(sweep: Sweep, store: RunStore) -> list[int]:
    """The steps at which runs went on."""
    records = [json.loads((store.folder(spec.run_id) / "spec.json").read_text()) for spec in sweep.specs]
    return [attempt["step"] for record in records for attempt in record.get("resumed", [])]


@needs_proc
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_saves_and_goes_on(
    sweep: Sweep, expected: dict[str, Any], driver: subprocess.Popen[str], tmp_path: Path, signum: int
) -> None:
    """Nobody is left behind, finished runs are not touched, and the rest comes out as if nothing had happened.

    Ctrl-C reaches the whole group, `kill` the parent alone.
    """
    event, store = early_in_a_run(driver), RunStore(tmp_path / "runs")
    (os.kill if signum == signal.SIGTERM else os.killpg)(driver.pid, signum)
    _, errors = driver.communicate(timeout=30)
    assert all_end(event["pids"], within_s=5)
    assert errors.count("Traceback") == 1, errors
    assert f"Interrupted: Stopped by {signal.Signals(signum).name}" in errors
    assert "resource_tracker" not in errors
    before = finished(sweep, store)
    assert 0 < len(before) < len(sweep.specs)
    assert not any(is_held(store.lease(spec.run_id)) for spec in sweep.specs)
    run_sweep(sweep, store, device="cpu")
    assert numbers(sweep, store) == expected
    assert before.items() <= finished(sweep, store).items()
    assert any(step > 0 for step in resumed(sweep, store))


@needs_proc
def test_a_worker_that_is_stopped_saves_its_run_and_is_replaced(
    sweep: Sweep, expected: dict[str, Any], driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """Ctrl-C, which a terminal sends to the whole group, the workers leave to the parent."""
    event, store = early_in_a_run(driver), RunStore(tmp_path / "runs")
    for pid in event["pids"]:
        os.kill(pid, signal.SIGINT)
    os.kill(json.loads(store.lease(event["run_id"]).read_bytes())["pid"], signal.SIGUSR1)
    end = wait_for(driver, lambda event: event["kind"] == "end")
    assert len(end["failures"]) == 1
    assert "Stopped by SIGUSR1" in end["failures"][0]
    assert len(finished(sweep, store)) == len(sweep.specs) - 1
    assert run_sweep(sweep, store, device="cpu") == []
    assert numbers(sweep, store) == expected
    assert len(resumed(sweep, store)) == 1


def test_a_run_that_another_launcher_trains_is_left_to_it(sweep: Sweep, tmp_path: Path) -> None:
    """It is no failure, and every other run is trained."""
    store, events = RunStore(tmp_path), list[Event]()
    taken = sweep.specs[0].run_id
    with Lease(store.lease(taken)):
        assert run_sweep(sweep, store, device="cpu", on_event=events.append) == []
        assert status(sweep, store)[taken] == "running"
    assert [event.run_id for event in events if event.kind == "elsewhere"] == [taken]
    assert status(sweep, store) == {spec.run_id: "finished" for spec in sweep.specs[1:]} | {taken: "waiting"}


def test_a_run_out_of_memory_is_listed_and_tried_again(
    sweep: Sweep, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep goes on without it."""
    store, events = RunStore(tmp_path), list[Event]()
    with monkeypatch.context() as patch:
        real = training.gradients

        def gradients(spec: TrainSpec, *args: Any) -> tuple[float, float]:
            if spec == sweep.specs[1]:
                raise MemoryError
            return real(spec, *args)

        patch.setattr(training, "gradients", gradients)
        assert run_sweep(sweep, store, device="cpu", on_event=events.append) == []
    states = status(sweep, store)
    assert [run_id for run_id, state in states.items() if state != "finished"] == [sweep.specs[1].run_id]
    assert states[sweep.specs[1].run_id] == "out_of_memory"
    assert "out_of_memory" in [event.message for event in events]
    run_sweep(sweep, store, device="cpu")
    assert numbers(sweep, store) == expected


def test_a_ladder_of_branches_is_what_its_runs_are_alone(tmp_path: Path) -> None:
    """Whatever the number of workers; each trunk is trained once, and a repeated sweep needs none."""
    (tmp_path / "sweep.toml").write_text(LADDER)
    ladder = Sweep.load(tmp_path / "sweep.toml")
    alone = RunStore(tmp_path / "alone")
    records = {spec.run_id: train(spec, alone, "cpu") for spec in ladder.specs}
    for workers in (1, 2):
        store, events = RunStore(tmp_path / str(workers)), list[Event]()
        assert run_sweep(ladder, store, workers=workers, device="cpu", on_event=events.append) == []
        for run_id, record in records.items():
            done = store.done(run_id)
            assert done is not None
            assert {k: v for k, v in done.items() if k not in CLOCKS} == {
                k: v for k, v in record.items() if k not in CLOCKS
            }
            spec = json.loads((store.folder(run_id) / "spec.json").read_text())
            assert spec["branched_at"] == round(0.8 * done["steps"])
        ended = [event.run_id for event in events if event.kind == "done"]
        trunks = [run_id for run_id in ended if run_id.startswith("trunks/")]
        assert len(trunks) == len(set(trunks)) == 2
        assert len(ended) == 8
        events.clear()
        run_sweep(ladder, store, workers=1, device="cpu", on_event=events.append)
        assert events == []


@needs_proc
def test_workers_end_with_a_parent_that_is_killed(
    sweep: Sweep, expected: dict[str, Any], driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A kill -9 of the sweep leaves no worker to write into the folders of the sweep that resumes."""
    event, store = between_two_runs(driver), RunStore(tmp_path / "runs")
    driver.kill()
    assert all_end(event["pids"], within_s=10)
    run_sweep(sweep, store, device="cpu")
    assert numbers(sweep, store) == expected


@needs_proc
@pytest.mark.parametrize("driver", [SILENT], indirect=True)
def test_a_worker_with_nothing_to_report_ends_with_its_parent(driver: subprocess.Popen[str]) -> None:
    """Its pipe is broken, which it would learn of only at its next report, some fifteen seconds on."""
    for _ in range(2):  # of the first step and of the validation soon after it
        event = wait_for(driver, lambda event: event["kind"] == "tokens")
    driver.kill()
    assert all_end(event["pids"], within_s=4)


def test_a_worker_that_is_killed_is_replaced(
    sweep: Sweep, expected: dict[str, Any], driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """Its run is reported, every other run is trained, and the next sweep trains that one."""
    event, store = between_two_runs(driver), RunStore(tmp_path / "runs")
    os.kill(event["pids"][0], signal.SIGKILL)
    end = wait_for(driver, lambda event: event["kind"] == "end")
    assert end["failures"] == ["its worker died"]
    assert len(finished(sweep, store)) == len(sweep.specs) - 1
    assert run_sweep(sweep, store, device="cpu") == []
    assert numbers(sweep, store) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_in_stacks_gives_the_same_bits_with_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    """And after an interruption: one member is finished before, by a stack of its own."""
    (tmp_path / "sweep.toml").write_text(SWEEP.replace("dropout = 0.1\n", ""))
    sweep = Sweep.load(tmp_path / "sweep.toml")
    reference, store = RunStore(tmp_path / "reference"), RunStore(tmp_path / "store")
    assert run_sweep(sweep, reference, batch="3", device="cpu") == []
    assert run_sweep(sweep, store, batch="3", device="cpu", limit=1) == []
    assert run_sweep(sweep, store, batch="3", device="cpu", workers=workers) == []
    alone = RunStore(tmp_path / "alone")
    assert run_sweep(sweep, alone, batch="off", device="cpu") == []
    for spec in sweep.specs:
        found, expected, other = (s.done(spec.run_id) for s in (store, reference, alone))
        assert found is not None
        assert expected is not None
        assert other is not None
        assert found["loss"] == expected["loss"]
        assert found["loss"] == pytest.approx(other["loss"], rel=1e-5)
