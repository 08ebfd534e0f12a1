"""Training that pauses, so that a probe can look at the model and its optimizer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from runners.corpora import CORPORA, Source
from runners.models import FAMILIES
from runners.optimizers import build_optimizer, set_rate
from runners.probes._threads import one_thread
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.training import gradients, training_examples


@dataclass(frozen=True)
class Moment:
    """A run after `steps` steps.

    Attributes:
        rate: the base learning rate of the step that comes next, or of the last one at the end.
        loss: of the last step's batch, before it was learned from; NaN before the first.
        optimizer: whose state is that after `steps` steps.
    """

    spec: TrainSpec
    source: Source
    model: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int
    rate: float
    loss: float


def along(spec: TrainSpec, at: Iterable[int], source: Source | None = None) -> Iterator[Moment]:
    """Train `spec` as `train` does, on one CPU thread, and pause after the steps `at`; 0 is before the first.

    `source` stands for that of the spec's name. A run whose loss or gradient is not finite ends there, without a pause.
    """
    wanted = {step for step in at if step <= spec.steps}
    source, family = source or CORPORA[spec.corpus], FAMILIES[spec.model]
    family.check(spec, source)
    with one_thread():
        examples = training_examples(spec, source)
        torch.manual_seed(spec.seed)
        model = family.build(spec, source)
        optimizer = build_optimizer(model, spec)
        loss = math.nan
        for step in range(max(wanted, default=0) + 1):
            rate = spec.lr * lr_share(spec, min(step, spec.steps - 1))
            if step in wanted:
                model.eval()
                yield Moment(spec, source, model, optimizer, step, rate, loss)
                model.train()
            if step == max(wanted):
                return
            set_rate(optimizer, rate)
            loss, norm = gradients(spec, source, model, model, examples, step, "cpu")
            if not (math.isfinite(loss) and math.isfinite(norm)):
                return
            optimizer.step()


def log_spaced(first: int, last: int, count: int) -> tuple[int, ...]:
    """At most `count` different steps from `first`, at least 1, to `last`, evenly spaced in their logarithm.

    A single one is the last.

    >>> log_spaced(1, 100, 5)
    (1, 3, 10, 32, 100)
    """
    return tuple(sorted({int(step) for step in np.rint(np.geomspace(last, first, count))}))
