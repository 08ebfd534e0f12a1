"""`Recording`: one run's directory while it is trained: who trains it, its log, its clock and its checkpoints."""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from runners.branches import branch_step, trunk_of
from runners.checkpoints import Checkpoint, Checkpoints, Position
from runners.corpora import Source
from runners.leases import Lease
from runners.metering import Clock, peak_memory
from runners.options import RunOptions
from runners.records import attempt, describe, outcome, require_same, require_same_text
from runners.schedules import lr_share
from runners.sinks import SINKS, Writer
from runners.spec import TrainSpec
from runners.store import RunStore
from scalelaw.counting import Counts


class Recording:
    """Entered, it holds the run's lease; `begin` puts the run where an earlier attempt left it.

    Raises:
        LeaseTakenError: on entering, where another process trains the run.
    """

    def __init__(
        self, spec: TrainSpec, source: Source, counts: Counts, store: RunStore, device: str, options: RunOptions
    ) -> None:
        self.spec, self.source, self.counts, self.store = spec, source, counts, store
        self.device, self.options = device, options
        self.checkpoints = Checkpoints(store.checkpoints(spec.run_id), spec.run_id)
        self.clock, self._sinks = Clock(device), list[Writer]()
        self._log: LogFile | None = None
        self._saved_step, self._saved_at = -1, time.monotonic()

    def __enter__(self) -> Recording:
        with ExitStack() as stack:
            self._lease = stack.enter_context(Lease(self.store.lease(self.spec.run_id)))
            stack.callback(self._close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def begin(self, model: nn.Module, optimizer: torch.optim.Optimizer, **facts: Any) -> Position:
        """Start from the newest sound checkpoint, else from the trunk's at the branch point, else from nothing.

        Args:
            facts: of this attempt, for `spec.json`.

        Raises:
            DataError: where the corpus has changed since the checkpoint, or `spec.json` is not this run's.
        """
        run_id, record = self.spec.run_id, describe(self.spec, self.source, self.device) | facts
        missing = [step for step in self.options.keep if not self.checkpoints.has_kept(step)]
        at_most = min(missing) if missing else None
        own = next(self.checkpoints.sound(self.store.log_bytes(run_id), at_most), None)
        if own:
            written = self.store.description(run_id)
            require_same(written, record, self.source, self.store.folder(run_id) / "spec.json")
        start = own or self._branch_point(record)
        at = start.position if start else Position()
        if start:
            start.restore(model, optimizer)
        if own:
            self.checkpoints.forget_after(at.step)
            path = self.store.resume(run_id, attempt(record, at.step), at.log_bytes)
            self._saved_step = at.step
        else:
            trunk = {"branched_from": start.run_id, "branched_at": at.step} if start else {}
            at = replace(at, losses={}, log_bytes=0, wall_s=0.0, device_s=0.0)
            path = self.store.begin(run_id, record | trunk)
        self.clock = Clock(self.device, at.wall_s, at.device_s)
        self._log, self._saved_at = LogFile(path), time.monotonic()
        for name in self.options.sinks:
            self._sinks.append(SINKS[name].open(path.parent, record, at.step))
        return at

    def log(self, at: Position, losses: dict[str, float]) -> None:
        """A line on the last update, with the validation losses where it was evaluated."""
        tokens = at.step * self.spec.tokens_per_step
        line = {
            "step": at.step,
            "tokens": tokens,
            "flops": tokens * self.counts.flops_per_token,
            "lr": self.spec.lr * lr_share(self.spec, at.step - 1),
            "train_loss": at.train_loss,
            "grad_norm": at.grad_norm,
            "wall_s": round(self.clock.wall_s, 3),
            "device_s": round(self.clock.device_s, 3),
            "memory_bytes": peak_memory(self.device),
        } | {f"val_{name}": value for name, value in losses.items()}
        self._open_log.write(line)
        for sink in self._sinks:
            sink.write(line)

    def save_if_due(self, at: Position, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Save at a step to keep and, before the last, after so many steps or so long."""
        self._lease.check()
        every = self.options.checkpoint_steps
        late = time.monotonic() - self._saved_at >= self.options.checkpoint_s
        if at.step in self.options.keep:
            self.save(at, model, optimizer, keep=True)
        elif 0 < at.step < self.spec.steps and (late or (every and at.step % every == 0)):
            self.save(at, model, optimizer)

    def save(self, at: Position, model: nn.Module, optimizer: torch.optim.Optimizer, keep: bool = False) -> None:
        """Save where the run stands, unless that has been done."""
        if self.checkpoints.has_kept(at.step) if keep else self._saved_step == at.step:
            return
        self._lease.check()
        log_bytes, wall_s, device_s = self._open_log.sync(), self.clock.wall_s, self.clock.device_s
        placed = replace(at, log_bytes=log_bytes, wall_s=wall_s, device_s=device_s)
        self.checkpoints.save(model, optimizer, placed, keep)
        self._saved_step, self._saved_at = at.step, time.monotonic()

    def finish(self, status: str, at: Position) -> dict[str, Any]:
        """Write `done.json` and return it; a run that is settled needs its checkpoints no more."""
        self._lease.check()
        if self._log is None:  # no memory for the data or the model: the reason is written down all the same
            self.store.describe(self.spec.run_id, describe(self.spec, self.source, self.device))
        else:
            self._log.sync()
        record = self.outcome(status, at)
        self.store.finish(self.spec.run_id, record)
        if self.store.settled(self.spec.run_id):
            self.checkpoints.clear()
        return record

    def outcome(self, status: str, at: Position) -> dict[str, Any]:
        """What `done.json` would say."""
        losses = at.losses if status == "finished" else {}
        record = outcome(self.spec, self.source, self.counts, status, at.step, losses, self.clock.wall_s)
        return record | {"device_s": round(self.clock.device_s, 2), "memory_bytes": peak_memory(self.device)}

    @property
    def _open_log(self) -> LogFile:
        if self._log is None:
            raise RuntimeError("the run has not begun")
        return self._log

    def _branch_point(self, record: dict[str, Any]) -> Checkpoint | None:
        """Of the trunk that the run branches from, where it has been trained so far."""
        trunk = trunk_of(self.spec)
        if trunk is None:
            return None
        trunks, run_id = self.store.trunks, trunk.run_id
        found = Checkpoints(trunks.checkpoints(run_id), run_id).kept(branch_step(self.spec))
        if found:
            file = trunks.folder(run_id) / "spec.json"
            require_same_text(trunks.description(run_id), record, self.source, file)
        return found

    def _close(self) -> None:
        for sink in self._sinks:
            sink.close()
        if self._log is not None:
            self._log.close()


class LogFile:
    """`metrics.jsonl`: whole lines, appended."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115

    def write(self, line: dict[str, Any]) -> None:
        """One object; a number that is not finite is refused, since it is not JSON."""
        data = json.dumps(line, allow_nan=False).encode() + b"\n"
        if self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)

    def sync(self) -> int:
        """Flush it to the disk; returns its length."""
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
