"""Run a sweep's specs in this process or in several, and stop cleanly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from runners.branches import Task, tasks
from runners.checkpoints import Checkpoints
from runners.leases import LeaseTakenError
from runners.options import RunOptions
from runners.signals import Interrupted, Stop
from runners.sinks import SINKS
from runners.store import RunStore
from runners.sweeps import Sweep
from runners.training import resolve_device, train

POLL_S = 0.2
"""How long the parent waits for news before it looks whether a signal has come."""
GRACE_S = 300.0
"""How long a stopped sweep waits for its workers to save; then they are killed and lose what came after their last."""


@dataclass(frozen=True, slots=True)
class Event:
    """News of a run.

    Attributes:
        kind: `tokens` (so many seen, at this loss), `done` (with its status), `elsewhere` (another launcher trains it),
            `failed` (with the error's text) or `stopped` (its worker was, by a signal; it is saved).
        run_id: of a trunk, `trunks/` and its id.
    """

    kind: str
    run_id: str
    tokens: int = 0
    loss: float | None = None
    message: str = ""


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Trainer:
    """Trains tasks of one store, the same way each; sent to every worker."""

    store: RunStore
    device: str
    options: RunOptions

    def __call__(self, task: Task, on_event: OnEvent) -> Event:
        """Train one and tell how it ended; only `Interrupted` is raised."""
        store, options = self.store, self.options
        if task.keep:
            store, options = store.trunks, replace(options, keep=task.keep, until=task.last)

        def progress(tokens: int, loss: float) -> None:
            on_event(Event("tokens", task.name, tokens, loss))

        try:
            record = train(task.spec, store, self.device, progress, options)
            event = Event("done", task.name, record["n_tokens"], record["loss"], record["status"])
        except Interrupted:
            raise
        except LeaseTakenError as error:
            event = Event("elsewhere", task.name, message=str(error))
        except Exception as error:
            event = Event("failed", task.name, message=f"{type(error).__name__}: {error}")
        on_event(event)
        return event


def run_sweep(
    sweep: Sweep,
    store: RunStore,
    *,
    workers: int = 1,
    device: str = "auto",
    limit: int | None = None,
    on_event: OnEvent = lambda event: None,
    options: RunOptions = RunOptions(),  # noqa: B008
) -> list[Event]:
    """Train what is not settled, trunks and then the largest first; returns the failures.

    Args:
        workers: processes; a run's numbers do not depend on it.
        limit: train at most so many runs, the smallest ones, and the trunks they need.
        on_event: told of progress, in this process.
        options: how every run is carried out.

    A run that fails, or is out of memory, does not stop the others. A signal stops every worker at its next step,
    saved; finished runs stay, the others go on the next time.

    Raises:
        Interrupted: where a signal stopped the sweep.
    """
    for name in options.sinks:
        SINKS[name]  # refused before anything is trained
    waiting = [spec for spec in sweep.largest_first() if store.settled(spec.run_id) is None]
    if limit is not None:
        waiting = waiting[max(len(waiting) - limit, 0) :]
    todo = [task for task in tasks(waiting) if not _is_kept(task, store)]
    trainer = Trainer(store, resolve_device(device), options)
    if workers == 1:
        return [event for task in todo if (event := trainer(task, on_event)).kind == "failed"]
    return _run_many(todo, trainer, min(workers, max(len(todo), 1)), on_event)


def _is_kept(task: Task, store: RunStore) -> bool:
    """Whether it is a trunk whose checkpoints are all there."""
    run_id = task.spec.run_id
    checkpoints = Checkpoints(store.trunks.checkpoints(run_id), run_id)
    return bool(task.keep) and all(checkpoints.has_kept(step) for step in task.keep)


def _run_many(todo: list[Task], trainer: Trainer, workers: int, on_event: OnEvent) -> list[Event]:
    """Each worker has a pipe of its own: one that is killed holds no lock, and the end of its pipe says so at once."""
    todo = list(todo)
    busy: dict[Connection, Task] = {}
    idle: list[Connection] = []
    processes: list[SpawnProcess] = []
    failures: list[Event] = []
    with Stop() as stop:
        try:
            while todo or busy:
                while (task := _ready(todo, busy.values())) and len(busy) < workers:
                    if not idle:
                        process, pipe = _start(trainer)
                        processes.append(process)
                        idle.append(pipe)
                    todo.remove(task)
                    _give(idle[-1], task)
                    busy[idle.pop()] = task
                ready = wait(list(busy), timeout=POLL_S)
                for pipe in [pipe for pipe in busy if pipe in ready]:
                    event = _hear(pipe, busy[pipe])
                    on_event(event)
                    if event.kind == "tokens":
                        continue
                    if event.kind in ("failed", "stopped"):
                        failures.append(event)
                    if event.kind == "stopped":
                        pipe.close()
                    del busy[pipe]
                    if not pipe.closed:
                        idle.append(pipe)
                stop.check()
        except Interrupted as stopped:
            raise Interrupted(stopped.signum, "Every run under way was told to save") from None
        finally:
            _end(processes)
        stop.check()
    return failures


def _ready(todo: list[Task], busy: Iterable[Task]) -> Task | None:
    """The first task whose trunk is not still to come or under way."""
    unfinished = {task.name for task in (*todo, *busy)}
    return next((task for task in todo if task.waits_for not in unfinished), None)


def _end(processes: list[SpawnProcess]) -> None:
    """Ask every worker to save and stop, and wait for it."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_S
    for process in processes:
        process.join(max(deadline - time.monotonic(), 0))
        process.kill()
        process.join()


def _start(trainer: Trainer) -> tuple[SpawnProcess, Connection]:
    """A worker, and the parent's end of its pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, trainer), daemon=True)
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


def _give(pipe: Connection, task: Task) -> None:
    with suppress(OSError):  # a worker that has died is heard of in `_hear`
        pipe.send(task)


def _hear(pipe: Connection, task: Task) -> Event:
    """The worker's next event; where it has died its run is left behind, to be trained the next time."""
    try:
        event: Event = pipe.recv()
    except (EOFError, OSError):
        pipe.close()
        return Event("failed", task.name, message="its worker died")
    return event


def _work(pipe: Connection, trainer: Trainer) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with suppress(EOFError):
        while True:
            task: Task = pipe.recv()
            try:
                trainer(task, pipe.send)
            except Interrupted as stopped:
                with suppress(OSError):  # a parent that stops too no longer listens
                    pipe.send(Event("stopped", task.name, message=str(stopped)))
                return


def _die_with_parent() -> None:
    """A parent that is killed outright cannot end its workers, so each watches it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
