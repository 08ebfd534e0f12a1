"""How long a step takes here, measured before a sweep is paid for."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer
from runners.options import RunOptions
from runners.spec import TrainSpec
from runners.training import gradients, prepare, resolve_device, training_examples

WARM_UP = 2
TIMED = 5


def seconds_per_step(spec: TrainSpec, device: str = "auto") -> float:
    """The median wall time of a few optimizer steps of the spec, in seconds, after two that are not counted.

    Neither torch.compile nor validation, logs and checkpoints are in it.
    """
    device = resolve_device(device)
    prepare(device, RunOptions())
    spec = replace(spec, n_tokens=(WARM_UP + TIMED) * spec.tokens_per_step, trunk_tokens=0, unique_tokens=0)
    source = CORPORA[spec.corpus]
    examples = training_examples(spec, source)
    model = FAMILIES[spec.model].build(spec, source).to(device)
    optimizer = build_optimizer(model, spec)
    seconds = []
    for step in range(WARM_UP + TIMED):
        began = time.perf_counter()
        gradients(spec, source, model, model, examples, step, device)  # its loss is read back, so the device is done
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[WARM_UP:])
