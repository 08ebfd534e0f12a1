"""Progress on stderr: of a sweep, a bar on a terminal and else a line per finished run; of reading; of long work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from rich.progress import Progress

    from runners.store import RunStore
    from runners.sweeps import Sweep
    from runners.workers import Event


SERVER = "wandb:"
EVERY = 10
"""Runs of a server that a line stands for where stderr is no terminal."""


@contextmanager
def reading_progress(paths: Sequence[Path], quiet: bool) -> Iterator[None]:
    """How far runs of a server have been read, while they are: a line that changes on a terminal, else one per ten
    runs. Nothing where all that is read lies on disk.
    """
    if quiet or not any(str(path).startswith(SERVER) for path in paths):
        yield
    elif output.interactive():
        from rich.console import Console
        from rich.markup import escape

        with Console(stderr=True).status("asking W&B") as status, _heard(lambda text, _: status.update(escape(text))):
            yield
    else:
        with _heard(lambda text, told: output.note(text) if told else None):
            yield


@contextmanager
def _heard(say: Callable[[str, bool], object]) -> Iterator[None]:
    """What the reader logs is said, with whether it is a tenth run or the last."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            done, total = getattr(record, "done", 0), getattr(record, "total", 0)
            say(output.clean(record.getMessage()), done > 0 and (done % EVERY == 0 or done == total))

    log, handler = logging.getLogger("scalelaw.readers.wandb_api"), Handler()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class Say(Protocol):
    """Say what is being done and, where it is known, which share of it is done."""

    def __call__(self, what: str, share: float | None = None) -> None: ...


@contextmanager
def working(quiet: bool = False) -> Iterator[Say]:
    """A function that says what is being done, on a line of a terminal's stderr that is wiped off in the end.

    The line shows how long it has taken and, once a share is known, how long is left. Where stderr is no terminal, or
    with `quiet`, nothing is written. What is data goes to stdout after the line has gone.
    """
    if quiet or not output.interactive():
        yield lambda what, share=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    words = TextColumn("{task.description}", markup=False), BarColumn(20), TextColumn("{task.fields[left]}")
    columns = (SpinnerColumn(), TimeElapsedColumn(), *words)
    where = Console(stderr=True)
    with Progress(*columns, console=where, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        began = time.monotonic()

        def say(what: str, share: float | None = None) -> None:
            nonlocal began
            if [what] != [task.description for task in progress.tasks]:
                for task in progress.tasks:
                    progress.remove_task(task.id)
                progress.add_task(what, total=None if share is None else 1.0, left="")
                began = time.monotonic()
            if share:
                left = output.duration((time.monotonic() - began) * (1.0 - share) / share)
                progress.update(progress.tasks[0].id, completed=share, left=f"about {left} left")

        yield say


class SweepProgress:
    """Counts FLOPs rather than runs, since runs of one sweep differ a thousandfold; the time left follows from them."""

    def __init__(self, sweep: Sweep, store: RunStore, quiet: bool) -> None:
        from runners.branches import tasks
        from runners.corpora import CORPORA
        from runners.records import LOSS_UNITS
        from runners.sweeps import cost

        self.quiet = quiet
        todo = [spec for spec in sweep.specs if store.settled(spec.run_id) is None]
        self.tasks = {task.name: task for task in tasks(todo)}
        self.seconds = {name: cost(task).seconds for name, task in self.tasks.items()}
        self.units = {name: LOSS_UNITS[CORPORA[task.spec.corpus].loss] for name, task in self.tasks.items()}
        self.seconds_done: dict[str, float] = {}
        self.runs, self.finished = len(sweep.specs), len(sweep.specs) - len(todo)
        self.total = sum(self.seconds.values())
        self.began = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> SweepProgress:
        output.note(f"{self.finished} of {self.runs} runs are finished already", self.quiet)
        if output.interactive() and not self.quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
            bar = Progress(*columns, console=Console(stderr=True), transient=True)
            bar.start()
            self._task = bar.add_task("", total=self.total, left="")
            self._bar = bar
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Take in news of a run."""
        task, share = self.tasks[event.run_id], 1.0
        if event.kind == "tokens":
            share = (event.tokens / task.spec.tokens_per_step - task.first) / (task.last - task.first)
        self.seconds_done[event.run_id] = share * self.seconds[event.run_id]
        if event.kind != "tokens":
            self.finished += event.kind == "done" and not task.keep
            self._say(event)
        if self._bar:
            done = sum(self.seconds_done.values())
            self._bar.update(
                self._task,
                completed=done,
                description=f"{self.finished}/{self.runs} runs",
                left=f"{self._left(done)} left; {event.run_id[:32]} {event.loss or float('nan'):.3f}",
            )

    def _say(self, event: Event) -> None:
        unit = self.units[event.run_id]
        loss = "" if event.loss is None else f" loss {event.loss:.4f} {unit}"
        left = self._left(sum(self.seconds_done.values()))
        line = f"[{self.finished}/{self.runs}] {event.run_id}: {event.message}{loss}, about {left} left"
        if self._bar:
            self._bar.console.print(output.clean(line), markup=False, highlight=False)
        else:
            output.note(output.clean(line), self.quiet)

    def _left(self, done: float) -> str:
        pace = (time.monotonic() - self.began) / max(done, 1e-9)
        return output.duration(max(self.total - done, 0.0) * pace)
