"""Run a sweep's specs in this process or in several, and stop cleanly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from runners.spec import TrainSpec
from runners.store import RunStore
from runners.sweeps import Sweep
from runners.training import resolve_device, train


@dataclass(frozen=True, slots=True)
class Event:
    """News of a run: `tokens` (so many seen, at this loss), `done` or `failed` (with the error's text)."""

    kind: str
    run_id: str
    tokens: int = 0
    loss: float | None = None
    message: str = ""


OnEvent = Callable[[Event], None]


def run_sweep(
    sweep: Sweep,
    store: RunStore,
    *,
    workers: int = 1,
    device: str = "auto",
    limit: int | None = None,
    on_event: OnEvent = lambda event: None,
) -> list[Event]:
    """Train what is not finished, largest first; returns the failures.

    Args:
        workers: processes; a run's numbers do not depend on it.
        limit: train at most so many runs, the smallest ones.
        on_event: told of progress, in this process.

    A run that fails does not stop the others. Ctrl-C stops every worker; finished runs stay, the others start afresh
    the next time.
    """
    device = resolve_device(device)
    waiting = [spec for spec in sweep.largest_first() if store.done(spec.run_id) is None]
    if limit is not None:
        waiting = waiting[max(len(waiting) - limit, 0) :]
    if workers == 1:
        return [event for spec in waiting if (event := _run_one(spec, store, device, on_event)).kind == "failed"]
    return _run_many(waiting, store, device, min(workers, max(len(waiting), 1)), on_event)


def _run_one(spec: TrainSpec, store: RunStore, device: str, on_event: OnEvent) -> Event:
    try:
        record = train(spec, store, device, lambda tokens, loss: on_event(Event("tokens", spec.run_id, tokens, loss)))
        event = Event("done", spec.run_id, record["n_tokens"], record["loss"], record["status"])
    except Exception as error:
        event = Event("failed", spec.run_id, message=f"{type(error).__name__}: {error}")
    on_event(event)
    return event


def _run_many(waiting: list[TrainSpec], store: RunStore, device: str, workers: int, on_event: OnEvent) -> list[Event]:
    """Each worker has a pipe of its own: one that is killed holds no lock, and the end of its pipe says so at once."""
    todo = deque(waiting)
    busy: dict[Connection, str] = {}
    processes: list[SpawnProcess] = []
    failures: list[Event] = []
    try:
        while todo or busy:
            while todo and len(busy) < workers:
                process, pipe = _start(store, device)
                processes.append(process)
                busy[pipe] = _give(pipe, todo.popleft())
            ready = wait(list(busy))
            for pipe in [pipe for pipe in busy if pipe in ready]:
                event = _hear(pipe, busy[pipe])
                on_event(event)
                if event.kind == "tokens":
                    continue
                if event.kind == "failed":
                    failures.append(event)
                del busy[pipe]
                if todo and not pipe.closed:
                    busy[pipe] = _give(pipe, todo.popleft())
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    return failures


def _start(store: RunStore, device: str) -> tuple[SpawnProcess, Connection]:
    """A worker, and the parent's end of its pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, store, device), daemon=True)
    # Ctrl-C reaches the whole group; a worker starts with it blocked, and the parent ends the workers. The tracker is
    # started first because starting it unblocks the signal.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    theirs.close()  # held by the worker alone, so that its end ends the pipe
    return process, ours


def _give(pipe: Connection, spec: TrainSpec) -> str:
    with suppress(OSError):  # a worker that has died is heard of in `_hear`
        pipe.send(spec)
    return spec.run_id


def _hear(pipe: Connection, run_id: str) -> Event:
    """The worker's next event; where it has died its run is left behind, to be trained the next time."""
    try:
        event: Event = pipe.recv()
    except (EOFError, OSError):
        pipe.close()
        return Event("failed", run_id, message="its worker died")
    return event


def _work(pipe: Connection, store: RunStore, device: str) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with suppress(EOFError):
        while True:
            _run_one(pipe.recv(), store, device, pipe.send)


def _die_with_parent() -> None:
    """A parent that is killed outright cannot end its workers, so each watches it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
