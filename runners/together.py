"""Train runs of one shape as one stack of models, each into a run directory of its own.

Dimensions: K members of the stack, B examples of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from runners import training
from runners.batching import batchable, shape
from runners.checkpoints import Position
from runners.corpora import CORPORA, Examples, Source
from runners.metering import Clock
from runners.models import FAMILIES
from runners.models._layers import by_model
from runners.optimizers import build_optimizer, set_rate
from runners.options import RunOptions
from runners.recording import Recording
from runners.schedules import lr_share
from runners.signals import Interrupted, Stop
from runners.spec import TrainSpec
from runners.stacking import Stack
from runners.store import RunStore
from runners.validation import autocast, check_sources, loss_of, require_samples, tensors
from scalelaw.errors import UsageError

Progress = Callable[[str, int, float], None]
"""Called with a run's id, the tokens it has seen and its last training loss."""


def train_together(
    specs: Sequence[TrainSpec],
    store: RunStore,
    device: str = "auto",
    progress: Progress = lambda run_id, tokens, loss: None,
    options: RunOptions = RunOptions(),  # noqa: B008
) -> list[dict[str, Any]]:
    """Train specs of one shape as one stack; returns the records of their `done.json`.

    Every run has a directory, log and checkpoints of its own, as `train` writes them, but that `device_s` is its part
    of the stack's. A run that is settled is not trained again, those an interruption left behind the others catch up
    first, and one that diverges leaves the stack.

    Raises:
        UsageError: for specs that cannot go together, or a step to stop at.
        Interrupted: where a signal asked it to stop; every run is saved.
        LeaseTakenError: where another process trains one of them.
    """
    if len({shape(spec) for spec in specs}) != 1 or not all(map(batchable, specs)):
        raise UsageError("These runs cannot be trained together. Next: let runners.batching.batches group them.")
    if options.until is not None:
        raise UsageError(f"A stack trains to its end; found until = {options.until}. Next: train the runs one by one.")
    device = training.resolve_device(device)
    training.prepare(device, options)
    source, family = CORPORA[specs[0].corpus], FAMILIES[specs[0].model]
    family.check(specs[0], source)
    check_sources(specs[0], [CORPORA[name] for name in specs[0].validation_sources])
    counts = family.counts(specs[0], source)
    with ExitStack() as leases:
        runs = [leases.enter_context(Recording(spec, source, counts, store, device, options)) for spec in specs]
        members = [Member(spec, run, store.settled(spec.run_id)) for spec, run in zip(specs, runs, strict=True)]
        waiting = [member for member in members if member.record is None]
        try:
            for member in waiting:
                member.begin(source, device, len(waiting))
            with Stop() as stop:
                try:
                    _train(waiting, source, device, stop, progress)
                except Interrupted as stopped:
                    for member in waiting:
                        member.save()
                    raise Interrupted(stopped.signum, f"{len(members)} runs in one stack are saved") from None
        except (MemoryError, RuntimeError) as error:
            if not training.is_out_of_memory(error):
                raise
            for member in waiting:
                member.finish("out_of_memory")
    return [member.record for member in members if member.record is not None]


def _train(members: list[Member], source: Source, device: str, stop: Stop, progress: Progress) -> None:
    """The loop of `runners.training.train`, for those members that stand at the earliest step, until all have ended."""
    clock, stacked, spent = Clock(device), list[Member](), 0.0
    while True:
        for member in members:
            member.report(stop, progress)
        before, spent = spent, clock.device_s
        for member in stacked:
            member.clock.part_s += (spent - before) / len(stacked)
        for member in members:
            if member.ended:
                member.finish(member.ended)
        members = [member for member in members if member.record is None]
        if not members:
            return
        for member in members:
            member.run.save_if_due(member.at, member.model, member.optimizer)
        stop.check()
        step, last = min(member.at.step for member in members), stacked
        stacked = [member for member in members if member.at.step == step]
        if stacked != last:
            stack = Stack([member.model for member in stacked], [member.optimizer for member in stacked])
        with clock:
            results = gradients(stack, [m.spec for m in stacked], [m.examples for m in stacked], source, step, device)
            for member, (loss, norm) in zip(stacked, results, strict=True):
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    member.ended = "diverged"
            if any(member.ended for member in stacked):
                continue  # the others take this step again, without it
            for member in stacked:
                set_rate(member.optimizer, member.spec.lr * lr_share(member.spec, step))
            stack.step()
        for member, (loss, norm) in zip(stacked, results, strict=True):
            member.at = member.at.after(loss, norm)


def gradients(
    stack: Stack, specs: Sequence[TrainSpec], examples: Sequence[Examples], source: Source, step: int, device: str
) -> list[tuple[float, float]]:
    """Leave one step's clipped gradients in the stack; returns each member's loss and its norm before clipping.

    The sum of the losses is differentiated, in which no member's weights meet another's loss.
    """
    K, spec = len(specs), specs[0]
    stack.model.zero_grad(set_to_none=True)
    index = np.arange(step * spec.batch_size, (step + 1) * spec.batch_size)
    inputs, targets = zip(*(member.take(index) for member in examples), strict=True)
    inputs_KB, targets_KB = tensors(source, (np.concatenate(inputs), np.concatenate(targets)), device)
    with autocast(spec, device):
        outputs_KB = stack.model(inputs_KB)
    losses_KB = loss_of(source, outputs_KB, targets_KB, reduction="none").view(K, -1)
    penalty = sum(training.z_loss(spec, outputs) for outputs in by_model(outputs_KB, K)) if spec.z_loss else 0.0
    torch.autograd.backward(losses_KB.sum() / losses_KB.shape[1] + penalty)
    losses_K = torch.stack([losses.mean() for losses in losses_KB.detach()])
    norms_K = stack.clip([spec.grad_clip for spec in specs])
    return [(loss, norm) for loss, norm in torch.stack((losses_K, norms_K), dim=1).tolist()]


class Member:
    """A run of a stack: what is trained, the directory it is written to, where it stands and how it ended.

    Attributes:
        record: of its `done.json`, once it is written.
        ended: how it ended, where that has not been written down yet.
    """

    model: nn.Module
    optimizer: Optimizer
    examples: Examples
    clock: Part

    def __init__(self, spec: TrainSpec, run: Recording, record: dict[str, Any] | None) -> None:
        self.spec, self.run, self.record = spec, run, record
        self.at, self.ended = Position(), ""
        self.evaluations = training.evaluation_steps(spec)

    def begin(self, source: Source, device: str, stacked: int) -> None:
        """Build it, and put it where an earlier attempt left it; `spec.json` says how many are `stacked`."""
        self.examples = training.training_examples(self.spec, source)
        require_samples(self.spec, [CORPORA[name] for name in self.spec.validation_sources])
        self.model = FAMILIES[self.spec.model].build(self.spec, source).to(device)
        self.optimizer = build_optimizer(self.model, self.spec)
        self.at = self.run.begin(self.model, self.optimizer, stacked=stacked)
        self.clock = self.run.clock = Part(device, self.at.wall_s, self.at.device_s)

    def report(self, stop: Stop, progress: Progress) -> None:
        """Evaluate and log the last update where that is due, and say where the run ended."""
        if self.at.reported < self.at.step:
            due, told = self.at.step in self.evaluations, partial(progress, self.spec.run_id)
            self.at = training.report(self.run, self.at, self.model, stop.watching(self.model), due, told)
        if self.at.reported < self.at.step:
            self.ended = "diverged"
        elif self.at.step == self.spec.steps:
            self.ended = "finished"

    def save(self) -> None:
        """Save where it stands, unless it has ended."""
        if self.record is None:
            self.run.save(self.at, self.model, self.optimizer)

    def finish(self, status: str) -> None:
        """Write its `done.json`, unless it has ended."""
        self.record = self.record or self.run.finish(status, self.at)


class Part(Clock):
    """The clock of a member: its `device_s` is the part of the stack's that is put down to it."""

    def __init__(self, device: str, wall_s: float, device_s: float) -> None:
        super().__init__(device, wall_s)
        self.part_s = device_s

    @property
    def device_s(self) -> float:
        """So far, earlier attempts included."""
        return self.part_s
