"""Train one spec into one run directory.

Dimensions: B sequences in a step, T positions, V vocabulary, S steps.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from runners.corpora import CORPORA, Corpus
from runners.models.transformer import Transformer, parameter_groups
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.store import RunStore
from scalelaw import __version__
from scalelaw.counting import flops_6nd
from scalelaw.errors import UsageError

LOG_EVERY = 50
"""Steps between the lines of the metrics file."""
VALIDATION_BATCH = 256

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
    corpus = CORPORA[spec.corpus]
    windows = corpus.training(spec.context, spec.steps * spec.batch_size, spec.seed)
    data_SBT = torch.from_numpy(windows).to(device).view(spec.steps, spec.batch_size, spec.context + 1)
    model = Transformer(spec, corpus.vocab).to(device)
    optimizer = torch.optim.AdamW(parameter_groups(model, spec), betas=(spec.beta1, spec.beta2), fused=True)
    forward = torch.compile(model) if spec.compile else model
    validate = Validation(spec, corpus, device)
    evaluations = evaluation_steps(spec)
    flops_per_step = spec.shape(corpus.vocab).flops_per_token_exact() * spec.tokens_per_step
    began, val_loss = time.perf_counter(), math.nan

    metrics_path = store.begin(spec.run_id, describe(spec, corpus, device))
    with open(metrics_path, "ab", buffering=0) as metrics:
        for step in range(spec.steps):
            share = lr_share(spec, step)
            for group in optimizer.param_groups:
                group["lr"] = spec.lr * group["lr_multiplier"] * share
            tokens_BT = data_SBT[step].long()
            with _autocast(spec, device):
                logits_BTV = forward(tokens_BT[:, :-1])
            loss_tensor = cross_entropy(logits_BTV.float().flatten(0, 1), tokens_BT[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss_tensor)
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), spec.grad_clip, foreach=True)
            # Checked at every step: clipping by an infinite norm would zero the gradients and hide the divergence.
            loss, grad_norm = torch.stack((loss_tensor.detach(), norm)).tolist()
            if not (math.isfinite(loss) and math.isfinite(grad_norm)):
                return _finish(spec, corpus, store, "diverged", step, None, began)
            optimizer.step()
            due = step + 1 in evaluations
            if due:
                val_loss = validate(forward)
                if not math.isfinite(val_loss):
                    return _finish(spec, corpus, store, "diverged", step + 1, None, began)
            if due or step % LOG_EVERY == 0:
                record = {
                    "step": step + 1,
                    "tokens": (step + 1) * spec.tokens_per_step,
                    "flops": (step + 1) * flops_per_step,
                    "lr": spec.lr * share,
                    "train_loss": loss,
                    "grad_norm": grad_norm,
                    "wall_s": round(time.perf_counter() - began, 3),
                } | ({"val_loss": val_loss} if due else {})
                metrics.write(json.dumps(record).encode() + b"\n")
                if progress:
                    progress((step + 1) * spec.tokens_per_step, loss)
    return _finish(spec, corpus, store, "finished", spec.steps, val_loss, began)


def evaluation_steps(spec: TrainSpec) -> frozenset[int]:
    """The steps after which the model is validated: log-spaced over the last factor of 100, the end included."""
    spaced = np.geomspace(max(spec.steps / 100, 1), spec.steps, spec.evals)
    return frozenset(int(step) for step in np.rint(spaced)) | {spec.steps}


@dataclass(frozen=True)
class Validation:
    """The mean loss on the corpus's held-out sample, nats/token; see `Corpus.truth` for sources that know theirs."""

    spec: TrainSpec
    corpus: Corpus
    device: str

    @torch.no_grad()
    def __call__(self, forward: Callable[[Tensor], Tensor]) -> float:
        windows = self.corpus.validation(self.spec.context, max(self.spec.val_tokens // self.spec.context, 1))
        total = 0.0
        for start in range(0, len(windows), VALIDATION_BATCH):
            batch = windows[start : start + VALIDATION_BATCH]
            tokens_BT = torch.from_numpy(batch).to(self.device, torch.long)
            with _autocast(self.spec, self.device):
                logits_BTV = forward(tokens_BT[:, :-1])
            truth = self.corpus.truth(batch)
            if truth is None:
                target = tokens_BT[:, 1:].flatten()
            else:
                target = torch.from_numpy(truth).to(self.device).flatten(0, 1)
            total += cross_entropy(logits_BTV.float().flatten(0, 1), target, reduction="sum").item()
        return total / (len(windows) * self.spec.context)


def describe(spec: TrainSpec, corpus: Corpus, device: str) -> dict[str, Any]:
    """What `spec.json` records: the spec, the corpus, the versions and the device."""
    return {
        "run_id": spec.run_id,
        "group": spec.group,
        "spec": spec.as_dict(),
        "corpus": dict(corpus.facts()),
        "versions": {
            "scalelaw": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu ({platform.machine()})",
    }


def _finish(
    spec: TrainSpec, corpus: Corpus, store: RunStore, status: str, steps: int, loss: float | None, began: float
) -> dict[str, Any]:
    shape = spec.shape(corpus.vocab)
    n_params, n_tokens = shape.params_all(), steps * spec.tokens_per_step
    labels = ("corpus", "parametrization", "width", "depth", "lr", "schedule", "seed", "batch_size", "context")
    record: dict[str, Any] = {
        "run_id": spec.run_id,
        "group": spec.group,
        "status": status,
        "n_params": n_params,
        "n_params_non_embedding": shape.params_non_embedding(),
        "n_tokens": n_tokens,
        "flops": shape.flops_per_token_exact() * n_tokens,
        "flops_6nd": flops_6nd(float(n_params), float(n_tokens)),
        "loss": loss,
        "loss_unit": "nats/token",
        "steps": steps,
        "wall_s": round(time.perf_counter() - began, 2),
        **{name: getattr(spec, name) for name in labels},
    }
    floor = corpus.entropy(spec.context)
    if floor is not None:
        record["entropy"] = floor
    store.finish(spec.run_id, record)
    return record


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


def _autocast(spec: TrainSpec, device: str) -> AbstractContextManager[Any]:
    return torch.autocast(device, dtype=torch.bfloat16) if spec.precision == "bf16" else nullcontext()


__all__ = ["Progress", "Validation", "describe", "evaluation_steps", "resolve_device", "train"]
