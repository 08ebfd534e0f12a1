"""Run a sweep's specs in this process or in several, and stop cleanly."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from runners.spec import TrainSpec
from runners.store import RunStore
from runners.sweeps import Sweep
from runners.training import train


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
    waiting = [spec for spec in sweep.largest_first() if store.done(spec.run_id) is None]
    if limit is not None:
        waiting = waiting[len(waiting) - limit :] if limit else []
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
    context = multiprocessing.get_context("spawn")
    todo: Any = context.Queue()
    events: Any = context.Queue()
    for item in [*waiting, *[None] * workers]:
        todo.put(item)
    processes = [_start(context, todo, events, store, device) for _ in range(workers)]
    failures, open_runs = [], {spec.run_id for spec in waiting}
    try:
        while open_runs:
            # Asked before the queue is, so that the last words of a worker that then ends are still heard.
            alive = any(process.is_alive() for process in processes)
            try:
                event = events.get(timeout=1.0)
            except queue.Empty:
                if alive:
                    continue
                # A worker killed from outside leaves its run behind, to be trained the next time.
                event = Event("failed", min(open_runs), message="its worker died")
            on_event(event)
            if event.kind != "tokens":
                open_runs.discard(event.run_id)
            if event.kind == "failed":
                failures.append(event)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    return failures


def _start(context: SpawnContext, todo: Any, events: Any, store: RunStore, device: str) -> SpawnProcess:
    process = context.Process(target=_work, args=(todo, events, store, device), daemon=True)
    # Ctrl-C reaches the whole group; a worker starts with it blocked, and the parent ends the workers.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return process


def _die_with_parent() -> None:
    """A parent that is killed outright cannot end its workers, so each watches it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(todo: Any, events: Any, store: RunStore, device: str) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while (spec := todo.get()) is not None:
        _run_one(spec, store, device, events.put)
