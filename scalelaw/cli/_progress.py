"""Progress of a sweep on stderr: a bar where it is a terminal, a line per finished run elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from rich.progress import Progress

    from runners.store import RunStore
    from runners.sweeps import Sweep
    from runners.workers import Event


class SweepProgress:
    """Counts FLOPs rather than runs, since runs of one sweep differ a thousandfold; the time left follows from them."""

    def __init__(self, sweep: Sweep, store: RunStore, quiet: bool) -> None:
        from runners.sweeps import estimate

        self.quiet = quiet
        self.costs = {spec.run_id: estimate(spec) for spec in sweep.specs}
        finished = [run_id for run_id in self.costs if store.done(run_id)]
        self.seconds_done = {run_id: self.costs[run_id].seconds for run_id in finished}
        self.before = sum(self.seconds_done.values(), 0.0)
        self.finished, self.total = len(finished), sum(cost.seconds for cost in self.costs.values())
        self.began = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> SweepProgress:
        output.note(f"{self.finished} of {len(self.costs)} runs are finished already", self.quiet)
        if output.interactive() and not self.quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
            bar = Progress(*columns, console=Console(stderr=True), transient=True)
            bar.start()
            self._task = bar.add_task("", total=self.total, completed=int(self.before), left="")
            self._bar = bar
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Take in news of a run."""
        cost = self.costs[event.run_id]
        share = event.tokens / cost.n_tokens if event.kind == "tokens" else 1.0
        self.seconds_done[event.run_id] = share * cost.seconds
        if event.kind != "tokens":
            self.finished += 1
            self._say(event)
        if self._bar:
            done = sum(self.seconds_done.values())
            self._bar.update(
                self._task,
                completed=done,
                description=f"{self.finished}/{len(self.costs)} runs",
                left=f"{self._left(done)} left; {event.run_id[:32]} {event.loss or float('nan'):.3f}",
            )

    def _say(self, event: Event) -> None:
        loss = "" if event.loss is None else f" loss {event.loss:.4f} nats/token"
        left = self._left(sum(self.seconds_done.values()))
        line = f"[{self.finished}/{len(self.costs)}] {event.run_id}: {event.message}{loss}, about {left} left"
        if self._bar:
            self._bar.console.print(output.clean(line), markup=False, highlight=False)
        else:
            output.note(output.clean(line), self.quiet)

    def _left(self, done: float) -> str:
        pace = (time.monotonic() - self.began) / max(done - self.before, 1e-9)
        minutes = (self.total - done) * pace / 60
        return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
