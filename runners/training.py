"""Train one spec into one run directory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from runners.checkpoints import Position
from runners.corpora import CORPORA, Examples, Repeated, Source
from runners.models import FAMILIES
from runners.optimizers import build_optimizer, set_rate
from runners.options import RunOptions
from runners.recording import Recording
from runners.schedules import lr_share
from runners.signals import Interrupted, Stop
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.validation import Forward, Validation, autocast, check_sources, loss_of, require_samples, tensors
from scalelaw.errors import UsageError

LOG_EVERY = 50
"""Steps between the lines of the metrics file."""

Progress = Callable[[int, float], None]
"""Called with the tokens seen and the last training loss."""


def train(
    spec: TrainSpec,
    store: RunStore,
    device: str = "auto",
    progress: Progress = lambda tokens, loss: None,
    options: RunOptions = RunOptions(),  # noqa: B008
) -> dict[str, Any]:
    """Train `spec` and write its directory; returns the record of `done.json`.

    It goes on from the newest checkpoint of an interrupted attempt, and a branch from its trunk's; a run that is
    settled is not trained again. On a CPU one thread is used, so that a run's numbers do not depend on how many run
    beside it, and a resumed run has the bits of one that was never interrupted. A loss or gradient that is not finite
    stops the run before the update; the run is then `diverged` and has no loss. So has one that is `out_of_memory`.

    Raises:
        Interrupted: where a signal asked it to stop; the run is saved.
        LeaseTakenError: where another process trains it.
    """
    device = resolve_device(device)
    prepare(device, options)
    source, family = CORPORA[spec.corpus], FAMILIES[spec.model]
    family.check(spec, source)
    check_sources(spec, [CORPORA[name] for name in spec.validation_sources])
    counts = family.counts(spec, source)
    with Recording(spec, source, counts, store, device, options) as run:
        if record := store.settled(spec.run_id):
            return record
        at = Position()
        try:
            examples = training_examples(spec, source)
            require_samples(spec, [CORPORA[name] for name in spec.validation_sources])
            torch.manual_seed(spec.seed)  # dropout draws from the global stream
            model = family.build(spec, source).to(device)
            optimizer = build_optimizer(model, spec)
            at = run.begin(model, optimizer)
        except (MemoryError, RuntimeError) as error:
            return out_of_memory(run, at, error)
        with Stop() as stop:
            return take_steps(run, at, model, optimizer, examples, stop, progress)


def take_steps(
    run: Recording,
    at: Position,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    examples: Examples,
    stop: Stop,
    progress: Progress,
) -> dict[str, Any]:
    """Train from where the run stands to its end; returns its record."""
    spec, source, device = run.spec, run.source, run.device
    forward = torch.compile(model) if spec.compile else model
    evaluations = evaluation_steps(spec)
    try:
        while True:
            if at.reported < at.step:  # also after a signal that came between an update and its line
                at = report(run, at, model, stop.watching(forward), at.step in evaluations, progress)
                if at.reported < at.step:
                    return run.finish("diverged", at)
            run.save_if_due(at, model, optimizer)
            if at.step == spec.steps:
                return run.finish("finished", at)
            if run.options.until is not None and at.step >= run.options.until:
                run.save(at, model, optimizer)
                return run.outcome("saved", at)
            stop.check()
            set_rate(optimizer, spec.lr * lr_share(spec, at.step))
            with run.clock:
                loss, grad_norm = gradients(spec, source, model, forward, examples, at.step, device)
                # Checked at every step: clipping by an infinite norm would zero the gradients and hide the divergence.
                if not (math.isfinite(loss) and math.isfinite(grad_norm)):
                    return run.finish("diverged", at)
                optimizer.step()
            at = at.after(loss, grad_norm)
    except Interrupted as stopped:
        run.save(at, model, optimizer)
        raise Interrupted(stopped.signum, f"{spec.run_id} is saved at step {at.step} of {spec.steps}") from None
    except (MemoryError, RuntimeError) as error:
        return out_of_memory(run, at, error)


def report(run: Recording, at: Position, model: nn.Module, forward: Forward, due: bool, progress: Progress) -> Position:
    """Evaluate the last update where that is `due`, and log it; left unreported where a validation is not finite."""
    if due:
        last = at.step == run.spec.steps
        at = replace(at, losses=validation_losses(run.spec, run.device, model, forward, last))
        if not all(map(math.isfinite, at.losses.values())):
            return at
    if due or (at.step - 1) % LOG_EVERY == 0:
        run.log(at, at.losses if due else {})
        progress(at.step * run.spec.tokens_per_step, at.train_loss)
    return replace(at, reported=at.step)


def training_examples(spec: TrainSpec, source: Source) -> Examples:
    """All the run's examples in order; a branch reads its trunk's."""
    wanted = (spec.trunk_tokens or spec.n_tokens) // spec.tokens_per_step * spec.batch_size
    if not spec.unique_tokens:
        return source.training(spec.context, wanted, spec.seed)
    unique = min(spec.unique_examples, wanted)
    return Repeated(source.training(spec.context, unique, spec.seed), wanted, spec.seed)


def gradients(
    spec: TrainSpec, source: Source, model: nn.Module, forward: Forward, examples: Examples, step: int, device: str
) -> tuple[float, float]:
    """Leave one step's clipped gradients in the parameters; returns the loss and the norm before clipping."""
    parameters = list(model.parameters())
    for parameter in parameters:
        parameter.grad = None
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
    norm = torch.nn.utils.clip_grad_norm_(parameters, spec.grad_clip, foreach=True)
    loss_value, norm_value = torch.stack((total, norm)).tolist()
    return loss_value, norm_value


def z_loss(spec: TrainSpec, outputs: Tensor) -> Tensor | float:
    """weight x mean log^2 Z (Wortsman et al. 2023, arXiv 2309.14322): keeps the read-out's normaliser near 1."""
    return spec.z_loss * outputs.float().logsumexp(-1).square().mean() if spec.z_loss else 0.0


def evaluation_steps(spec: TrainSpec) -> frozenset[int]:
    """The steps after which the model is validated: log-spaced over the last factor of 100, the end included."""
    first = max(spec.steps / 100, 1) if spec.evals > 1 else spec.steps
    spaced = np.geomspace(first, spec.steps, spec.evals)
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


def prepare(device: str, options: RunOptions) -> None:
    """Set what holds for the whole process: one thread on a CPU, and deterministic algorithms where asked for."""
    if device == "cpu":
        torch.set_num_threads(1)
    if options.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses
        torch.use_deterministic_algorithms(True)


def out_of_memory(run: Recording, at: Position, error: BaseException) -> dict[str, Any]:
    """The record of a run that had too little memory, which is never made to fit in silence; others are raised."""
    if not is_out_of_memory(error):
        raise error
    return run.finish("out_of_memory", at)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory: the accelerator's, the interpreter's, or that of torch's CPU allocator."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
