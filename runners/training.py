"""Train one spec into one run directory."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from runners.corpora import CORPORA, Examples, Repeated, Source
from runners.models import FAMILIES
from runners.optimizers import build_optimizer, set_rate
from runners.records import describe, outcome
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.validation import Forward, Validation, autocast, loss_of, tensors
from scalelaw.errors import UsageError

LOG_EVERY = 50
"""Steps between the lines of the metrics file."""

Progress = Callable[[int, float], None]
"""Called with the tokens seen and the last training loss."""


def train(spec: TrainSpec, store: RunStore, device: str = "auto", progress: Progress | None = None) -> dict[str, Any]:
    """Train `spec` and write its directory; returns the record of `done.json`.

    On a CPU one thread is used, so that a run's numbers do not depend on how many run beside it. A loss or gradient
    that is not finite stops the run before the update; the run is then `diverged` and has no loss.
    """
    device = resolve_device(device)
    if device == "cpu":
        torch.set_num_threads(1)
    source, family = CORPORA[spec.corpus], FAMILIES[spec.model]
    family.check(spec, source)
    counts = family.counts(spec, source)
    examples = training_examples(spec, source)
    torch.manual_seed(spec.seed)  # dropout draws from the global stream
    model = family.build(spec, source).to(device)
    optimizer = build_optimizer(model, spec)
    forward = torch.compile(model) if spec.compile else model
    evaluations = evaluation_steps(spec)
    losses: dict[str, float] = {}
    began = time.perf_counter()

    def finish(status: str, steps: int, losses: dict[str, float]) -> dict[str, Any]:
        record = outcome(spec, source, counts, status, steps, losses, time.perf_counter() - began)
        store.finish(spec.run_id, record)
        return record

    metrics_path = store.begin(spec.run_id, describe(spec, source, device))
    with open(metrics_path, "ab", buffering=0) as metrics:
        for step in range(spec.steps):
            share = lr_share(spec, step)
            set_rate(optimizer, spec.lr * share)
            loss, grad_norm = gradients(spec, source, model, forward, examples, step, device)
            # Checked at every step: clipping by an infinite norm would zero the gradients and hide the divergence.
            if not (math.isfinite(loss) and math.isfinite(grad_norm)):
                return finish("diverged", step, {})
            optimizer.step()
            due = step + 1 in evaluations
            if due:
                losses = validation_losses(spec, device, model, forward, last=step + 1 == spec.steps)
                if not all(math.isfinite(value) for value in losses.values()):
                    return finish("diverged", step + 1, {})
            if due or step % LOG_EVERY == 0:
                record = {
                    "step": step + 1,
                    "tokens": (step + 1) * spec.tokens_per_step,
                    "flops": (step + 1) * spec.tokens_per_step * counts.flops_per_token,
                    "lr": spec.lr * share,
                    "train_loss": loss,
                    "grad_norm": grad_norm,
                    "wall_s": round(time.perf_counter() - began, 3),
                } | ({f"val_{name}": value for name, value in losses.items()} if due else {})
                metrics.write(json.dumps(record).encode() + b"\n")
                if progress:
                    progress((step + 1) * spec.tokens_per_step, loss)
    return finish("finished", spec.steps, losses)


def training_examples(spec: TrainSpec, source: Source) -> Examples:
    """All the run's examples in order; a branch reads its trunk's."""
    per_token = 1 / spec.context
    wanted = int((spec.trunk_tokens or spec.tokens_trained) * per_token) // spec.batch_size * spec.batch_size
    if not spec.unique_tokens:
        return source.training(spec.context, wanted, spec.seed)
    unique = min(max(round(spec.unique_tokens * per_token), 1), wanted)
    return Repeated(source.training(spec.context, unique, spec.seed), wanted, spec.seed)


def gradients(
    spec: TrainSpec, source: Source, model: nn.Module, forward: Forward, examples: Examples, step: int, device: str
) -> tuple[float, float]:
    """Leave one step's clipped gradients in the parameters; returns the loss and the norm before clipping."""
    model.zero_grad(set_to_none=True)
    micro = spec.micro_batch or spec.batch_size
    share, total = micro / spec.batch_size, torch.zeros((), device=device)
    first = step * spec.batch_size
    for start in range(first, first + spec.batch_size, micro):
        inputs, targets = tensors(source, examples.take(np.arange(start, start + micro)), device)
        with autocast(spec, device):
            outputs = forward(inputs)
        loss = loss_of(source, outputs, targets)
        torch.autograd.backward(share * (loss + z_loss(spec, outputs)) if share < 1 or spec.z_loss else loss)
        total += share * loss.detach()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), spec.grad_clip, foreach=True)
    loss_value, norm_value = torch.stack((total, norm)).tolist()
    return loss_value, norm_value


def z_loss(spec: TrainSpec, outputs: Tensor) -> Tensor | float:
    """weight x mean log^2 Z (Wortsman et al. 2023, arXiv 2309.14322): keeps the read-out's normaliser near 1."""
    return spec.z_loss * outputs.float().logsumexp(-1).square().mean() if spec.z_loss else 0.0


def evaluation_steps(spec: TrainSpec) -> frozenset[int]:
    """The steps after which the model is validated: log-spaced over the last factor of 100, the end included."""
    spaced = np.geomspace(max(spec.steps / 100, 1), spec.steps, spec.evals)
    return frozenset(int(step) for step in np.rint(spaced)) | {spec.steps}


def validation_losses(
    spec: TrainSpec, device: str, model: nn.Module, forward: Forward, last: bool = False
) -> dict[str, float]:
    """`loss` on the corpus, `loss_NAME` on every other source and, after the last step, `loss_held_out`."""
    model.eval()
    losses = {}
    for name in spec.validation_sources:
        key = "loss" if name == spec.corpus else f"loss_{name}"
        losses[key] = Validation(spec, CORPORA[name], device)(forward)
    if last and CORPORA[spec.corpus].held_out(spec.context, 1) is not None:
        losses["loss_held_out"] = Validation(spec, CORPORA[spec.corpus], device, held_out=True)(forward)
    model.train()
    return losses


def resolve_device(name: str) -> str:
    """`cpu` or `cuda`, where `auto` takes the accelerator if there is one.

    Raises:
        UsageError: for another name, or for `cuda` where there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"Unknown device {name!r}. Known: auto, cpu, cuda.")
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise UsageError("There is no CUDA device here. Next: use the device cpu or auto.")
    return "cuda" if present and name != "cpu" else "cpu"
