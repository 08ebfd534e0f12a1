"""Kill a training run at a named point or at a random moment, resume it, and compare it with one that was left alone.

    python -m tests.runners.crash.trials FOLDER KILLS [POINT ...]

prints one line of JSON a trial: of every point (all of `POINTS` by default), then of so many random kills. Every
attempt is a forked child that a real SIGKILL ends, so torch is imported once.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runners import checkpoints, records, store, training
from runners.checkpoints import Position
from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer
from runners.options import RunOptions
from runners.recording import Recording
from runners.spec import TrainSpec
from runners.store import RunStore

SPEC = TrainSpec(
    "markov", width=16, depth=1, n_tokens=30 * 128, context=16, batch_size=8, val_tokens=512, evals=4, base_width=16,
    dropout=0.1, unique_tokens=10 * 128,
)  # fmt: skip
"""30 steps in three epochs, each shuffled anew, with dropout."""
INTERVAL = 5
OPTIONS = RunOptions(checkpoint_s=1e9, checkpoint_steps=INTERVAL, keep=(SPEC.steps,))
CLOCKS = ("wall_s", "device_s", "memory_bytes")

FILES = ("model.safetensors", "optimizer.safetensors", "state.json", "manifest.json")
POINTS = (
    "before spec.tmp", "half of spec.tmp", "after spec.tmp",
    *(f"{moment} {name}" for name in FILES for moment in ("before", "half of", "after")),
    "before publishing", "after publishing", "before retiring", "after retiring", "half of removing", "after removing",
    "before done.tmp", "half of done.tmp", "after done.tmp", "after done.json",
)  # fmt: skip
"""Every step of a save, as the third one meets it, and of the records around a run."""
SAVE = 3
NOBODY = 65534
RESUMED = "resumed"
"""The file in which a child notes the step it began at."""


def fingerprint(runs: RunStore) -> str:
    """A hash of the last parameters, optimizer state and random numbers, all logged losses and the record."""
    folder = runs.folder(SPEC.run_id)
    kept = runs.checkpoints(SPEC.run_id) / f"step-{SPEC.steps:012d}.kept"
    tensors = b"".join((kept / name).read_bytes() for name in FILES[:2])
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    records = [{k: v for k, v in line.items() if k not in CLOCKS} for line in (*lines, runs.done(SPEC.run_id) or {})]
    return hashlib.sha256(tensors + json.dumps(records).encode()).hexdigest()


def attempt(runs: RunStore, prepare: Callable[[], None] = lambda: None) -> int:
    """Start training in a child; returns its process id. It exits with 0 where the run is finished."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        training.LOG_EVERY = 1
        begin = Recording.begin

        def noted(run: Recording, *args: Any) -> Position:
            at = begin(run, *args)
            (runs.path / RESUMED).write_text(str(at.step))
            return at

        Recording.begin = noted  # type: ignore[method-assign]
        prepare()
        training.train(SPEC, runs, "cpu", options=OPTIONS)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)
    raise AssertionError("unreachable")


def lost(runs: RunStore, before: int) -> int:
    """Steps that the last attempt did again, of so many that had been logged; 0 where it was killed before it began."""
    noted = runs.path / RESUMED
    return before - int(noted.read_text()) if noted.exists() else 0


def ended(child: int) -> int:
    """The exit code of a child, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_after(delay_s: float, child: int) -> tuple[int, float]:
    """Kill a child once so long has passed, unless it has ended; its exit code and how long it lived."""
    began = time.perf_counter()
    while (lived_s := time.perf_counter() - began) < delay_s:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return ended(child), lived_s


def dies_at(point: str) -> Callable[[], None]:
    """What a child does first so that it is killed at the point."""

    def die(here: str) -> None:
        if here == point and (saves >= SAVE or here.split()[-1].partition(".")[0] in ("spec", "done")):
            os.kill(os.getpid(), signal.SIGKILL)

    saves = 0
    write_durably, rename, replace = store.write_durably, os.rename, os.replace
    save, rmtree = checkpoints.Checkpoints.save, shutil.rmtree

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal saves
        saves += 1
        save(*args, **kwargs)

    def write(path: Path, data: bytes) -> None:
        die(f"before {path.name}")
        if point == f"half of {path.name}":
            path.write_bytes(data[: len(data) // 2])
            die(point)
        write_durably(path, data)
        die(f"after {path.name}")

    def renamed(source: Path, target: Path) -> None:
        act = "publishing" if source.name.startswith("tmp-") else "retiring"
        die(f"before {act}")
        rename(source, target)
        die(f"after {act}")

    def replaced(source: Path, target: Path) -> None:
        replace(source, target)
        die(f"after {target.name}")

    def removed(path: Path, *args: Any, **kwargs: Any) -> None:
        if point == "half of removing":
            (path / "manifest.json").unlink()
            die(point)
        rmtree(path, *args, **kwargs)
        die("after removing")

    def plant() -> None:
        checkpoints.Checkpoints.save = counted  # type: ignore[method-assign]
        checkpoints.write_durably = store.write_durably = write
        os.rename, os.replace, shutil.rmtree = renamed, replaced, removed  # type: ignore[assignment]

    return plant


def logged(runs: RunStore) -> int:
    """The last step in the log, a torn line left out."""
    return (runs.last_metrics(SPEC.run_id) or {"step": 0})["step"]


def at_points(folder: Path, expected: str, points: tuple[str, ...] = POINTS) -> Iterator[dict[str, Any]]:
    """A trial for every point: killed there, resumed, compared."""
    for point in points:
        runs = RunStore(folder / point.replace(" ", "-"))
        killed = ended(attempt(runs, dies_at(point))) == -signal.SIGKILL
        before = logged(runs)
        (runs.path / RESUMED).unlink(missing_ok=True)
        code = ended(attempt(runs))
        yield {
            "kill": point,
            "killed": killed,
            "resumed": code == 0,
            "steps_lost": lost(runs, before),
            "identical": fingerprint(runs) == expected,
        }


def at_random(folder: Path, expected: str, kills: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Kill the same run again and again at moments drawn over its length, until it is finished; then the next run."""
    pace_s, killed, number = 60.0, 0, 0
    while killed < kills:
        runs, steps_lost, deaths, before = RunStore(folder / f"random-{number}"), 0, 0, 0
        while True:
            (runs.path / RESUMED).unlink(missing_ok=True)
            code, took_s = killed_after(float(rng.uniform(0, pace_s)), attempt(runs))
            pace_s = min(pace_s, took_s) if code == 0 and not deaths else pace_s
            steps_lost = max(steps_lost, lost(runs, before))
            if code != -signal.SIGKILL:
                break
            deaths, before = deaths + 1, logged(runs)
        killed, number = killed + deaths, number + 1
        same = fingerprint(runs) == expected
        yield {"kill": "random", "killed": deaths, "resumed": code == 0, "steps_lost": steps_lost, "identical": same}


def full_disk(folder: Path) -> None:
    """A save that meets a limit on the size of files, and the resumption once the limit is gone."""
    hindered(folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, resource.RLIM_INFINITY)))


def read_only(folder: Path) -> None:
    """A save into a folder that may no longer be written to, by a user who is not root, and the resumption."""
    folder.chmod(0o755)
    checkpoint_folder = RunStore(folder / "hindered").checkpoints(SPEC.run_id)

    def forbid() -> None:
        checkpoint_folder.chmod(0o555)
        if os.getuid() == 0:  # whom no mode forbids anything
            os.setuid(NOBODY)

    hindered(folder, forbid, allow=lambda: checkpoint_folder.chmod(0o755))


def hindered(folder: Path, hinder: Callable[[], object], allow: Callable[[], object] = lambda: None) -> None:
    """Train with something in the way of one save, then, with it gone, to the end; print how that went."""
    alone, runs = expected(folder), RunStore(folder / "hindered")

    def plant() -> None:
        saves, save = 0, checkpoints.Checkpoints.save

        def hindered_save(*args: Any, **kwargs: Any) -> None:
            nonlocal saves
            saves += 1
            if saves == SAVE:
                hinder()
            save(*args, **kwargs)

        checkpoints.Checkpoints.save = hindered_save  # type: ignore[method-assign]

    code = ended(attempt(runs, plant))
    left = sorted(path.name for path in runs.checkpoints(SPEC.run_id).iterdir())
    done = runs.done(SPEC.run_id) is not None
    allow()
    ended(attempt(runs))
    print(json.dumps({"code": code, "left": left, "done": done, "identical": fingerprint(runs) == alone}))


def expected(folder: Path) -> str:
    """The fingerprint of a run that was left alone, trained in a child too.

    What every child needs is computed and imported before the forks; only the autograd engine must not have run.
    """
    corpus = CORPORA["markov"]
    _ = corpus.facts(), corpus.entropy(SPEC.context), records.commit()
    model = FAMILIES[SPEC.model].build(SPEC, corpus)
    model.zero_grad()
    build_optimizer(model, SPEC).step()
    torch.set_num_threads(1)
    runs = RunStore(folder / "alone")
    if ended(attempt(runs)):
        raise RuntimeError("a run that is left alone fails")
    return fingerprint(runs)


def main(folder: Path, kills: int, *points: str) -> None:
    """Print the trials."""
    alone = expected(folder)
    for trial in at_points(folder, alone, points or POINTS):
        print(json.dumps(trial), flush=True)
    for trial in at_random(folder, alone, kills, np.random.default_rng(0)):
        print(json.dumps(trial), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
