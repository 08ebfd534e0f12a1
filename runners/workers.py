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
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from runners.batching import StackTask, batches
from runners.branches import Task, tasks
from runners.checkpoints import Checkpoints
from runners.leases import LeaseTakenError
from runners.options import RunOptions
from runners.signals import Interrupted, Stop
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.sweeps import Sweep, estimate
from runners.together import train_together
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
FAILED = ("failed", "stopped")
Work = Task | StackTask


@dataclass(frozen=True)
class Trainer:
    """Does the work of one store, the same way each; sent to every worker."""

    store: RunStore
    device: str
    options: RunOptions

    def __call__(self, work: Work, on_event: OnEvent) -> None:
        """Train every run of the work and tell how each ended; only `Interrupted` is raised."""

        def progress(name: str, tokens: int, loss: float) -> None:
            on_event(Event("tokens", name, tokens, loss))

        names = [spec.run_id for spec in work.specs] if isinstance(work, StackTask) else [work.name]
        try:
            records = self._stack(work, progress) if isinstance(work, StackTask) else [self._alone(work, progress)]
            events = [
                Event("done", name, record["n_tokens"], record["loss"], record["status"])
                for name, record in zip(names, records, strict=True)
            ]
        except Interrupted:
            raise
        except LeaseTakenError as error:
            events = [Event("elsewhere", name, message=str(error)) for name in names]
        except Exception as error:
            events = [Event("failed", name, message=f"{type(error).__name__}: {error}") for name in names]
        for event in events:
            on_event(event)

    def _alone(self, task: Task, progress: Callable[[str, int, float], None]) -> dict[str, Any]:
        store, options = self.store, self.options
        if task.keep:
            store, options = store.trunks, replace(options, keep=task.keep, until=task.last)
        return train(task.spec, store, self.device, partial(progress, task.name), options)

    def _stack(self, task: StackTask, progress: Callable[[str, int, float], None]) -> list[dict[str, Any]]:
        return train_together(task.specs, self.store, self.device, progress, self.options)


def run_sweep(
    sweep: Sweep,
    store: RunStore,
    *,
    workers: int = 1,
    device: str = "auto",
    limit: int | None = None,
    batch: str = "auto",
    on_event: OnEvent = lambda event: None,
    options: RunOptions = RunOptions(),  # noqa: B008
) -> list[Event]:
    """Train what is not settled, trunks and then the largest first; returns the failures.

    Args:
        workers: processes; a run's numbers do not depend on it.
        limit: train at most so many runs, the smallest ones, and the trunks they need.
        batch: which runs train together as one stack: `auto`, `off` or a number; see `runners.batching`.
        on_event: told of progress, in this process.
        options: how every run is carried out.

    A run that fails, or is out of memory, does not stop the others. A signal stops every worker at its next step,
    saved; finished runs stay, the others go on the next time.

    Raises:
        Interrupted: where a signal stopped the sweep.
    """
    device = resolve_device(device)
    waiting = [spec for spec in sweep.largest_first() if store.settled(spec.run_id) is None]
    if limit is not None:
        waiting = waiting[max(len(waiting) - limit, 0) :]
    todo = [work for work in _work_of(sweep, waiting, device, batch) if not _is_kept(work, store)]
    trainer = Trainer(store, device, options)
    failures: list[Event] = []

    def tell(event: Event) -> None:
        on_event(event)
        if event.kind in FAILED:
            failures.append(event)

    if workers == 1:
        for work in todo:
            trainer(work, tell)
    else:
        _run_many(todo, trainer, min(workers, max(len(todo), 1)), tell)
    return failures


def _work_of(sweep: Sweep, waiting: list[TrainSpec], device: str, batch: str) -> list[Work]:
    """Trunks, then stacks and lone runs by falling cost; the stacks are those of the whole sweep."""
    left = set(waiting)
    stacks = [group for group in batches(sweep.largest_first(), device, batch) if len(group) > 1]
    stacked = {spec for group in stacks for spec in group}
    work: list[Work] = [StackTask(some) for group in stacks if (some := tuple(spec for spec in group if spec in left))]
    work += tasks(spec for spec in waiting if spec not in stacked)
    return sorted(work, key=lambda one: (not _keeps(one), -sum(estimate(spec).seconds for spec in one.specs)))


def _keeps(work: Work) -> bool:
    """Whether it is a trunk."""
    return isinstance(work, Task) and bool(work.keep)


def _is_kept(task: Work, store: RunStore) -> bool:
    """Whether it is a trunk whose checkpoints are all there."""
    if not (isinstance(task, Task) and task.keep):
        return False
    run_id = task.spec.run_id
    checkpoints = Checkpoints(store.trunks.checkpoints(run_id), run_id)
    return all(checkpoints.has_kept(step) for step in task.keep)


def _run_many(todo: list[Work], trainer: Trainer, workers: int, on_event: OnEvent) -> None:
    """Each worker has a pipe of its own: one that is killed holds no lock, and the end of its pipe says so at once."""
    todo = list(todo)
    busy: dict[Connection, Work] = {}
    idle: list[Connection] = []
    processes: list[SpawnProcess] = []
    with Stop() as stop:
        try:
            while todo or busy:
                while (work := _ready(todo, busy.values())) and len(busy) < workers:
                    if not idle:
                        process, pipe = _start(trainer)
                        processes.append(process)
                        idle.append(pipe)
                    todo.remove(work)
                    _give(idle[-1], work)
                    busy[idle.pop()] = work
                ready = wait(list(busy), timeout=POLL_S)
                for pipe in [pipe for pipe in busy if pipe in ready]:
                    event = _hear(pipe, busy[pipe])
                    if event is not None:
                        on_event(event)
                        if event.kind == "stopped":
                            pipe.close()
                    if event is None or pipe.closed:
                        del busy[pipe]
                    if event is None:
                        idle.append(pipe)
                stop.check()
        except Interrupted as stopped:
            raise Interrupted(stopped.signum, "Every run under way was told to save") from None
        finally:
            _end(processes)
        stop.check()


def _ready(todo: list[Work], busy: Iterable[Work]) -> Work | None:
    """The first whose trunk is not still to come or under way."""
    unfinished = {work.name for work in (*todo, *busy)}
    return next((work for work in todo if isinstance(work, StackTask) or work.waits_for not in unfinished), None)


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


def _give(pipe: Connection, work: Work) -> None:
    with suppress(OSError):  # a worker that has died is heard of in `_hear`
        pipe.send(work)


def _hear(pipe: Connection, work: Work) -> Event | None:
    """The worker's next event, None after the last; where it has died its work is left for the next time."""
    try:
        event: Event | None = pipe.recv()
    except (EOFError, OSError):
        pipe.close()
        return Event("failed", work.name, message="its worker died")
    return event


def _work(pipe: Connection, trainer: Trainer) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with suppress(EOFError):
        while True:
            work: Work = pipe.recv()
            try:
                trainer(work, pipe.send)
            except Interrupted as stopped:
                with suppress(OSError):  # a parent that stops too no longer listens
                    pipe.send(Event("stopped", work.name, message=str(stopped)))
                return
            pipe.send(None)


def _die_with_parent() -> None:
    """A parent that is killed outright cannot end its workers, so each watches it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
