"""The loss of a model on examples, in nats a prediction or as a squared error.

Dimensions: B examples in a batch, T positions, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from runners.corpora import Array, Examples, Source
from runners.spec import TrainSpec
from scalelaw.errors import UsageError

BATCH = 256
Forward = Callable[[Tensor], Tensor]


def loss_of(source: Source, outputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """The source's loss of outputs `[..., O]` on targets `[...]`, or on true distributions `[..., O]`."""
    if source.loss == "squared_error":
        errors = (outputs.float().squeeze(-1) - targets).square()
        return errors if reduction == "none" else errors.mean() if reduction == "mean" else errors.sum()
    flat = targets.flatten() if targets.dim() < outputs.dim() else targets.flatten(0, -2)
    return cross_entropy(outputs.float().flatten(0, -2), flat, reduction=reduction)


def tensors(source: Source, batch: tuple[Array, Array], device: str) -> tuple[Tensor, Tensor]:
    """Inputs and targets on the device: tokens and labels as int64, all else as float32."""
    inputs = torch.from_numpy(np.ascontiguousarray(batch[0]))
    targets = torch.from_numpy(np.ascontiguousarray(batch[1]))
    whole_inputs, whole_targets = source.kind == "tokens", source.loss == "cross_entropy"
    return (
        inputs.to(device, torch.long if whole_inputs else torch.float32),
        targets.to(device, torch.long if whole_targets else torch.float32),
    )


def autocast(spec: TrainSpec, device: str) -> AbstractContextManager[Any]:
    """bf16 where the spec asks for it."""
    return torch.autocast(device, dtype=torch.bfloat16) if spec.precision == "bf16" else nullcontext()


@dataclass(frozen=True)
class Validation:
    """The mean loss on one sample of a source, against the true distribution where the source knows it."""

    spec: TrainSpec
    source: Source
    device: str
    held_out: bool = False

    @torch.no_grad()
    def __call__(self, forward: Forward) -> float:
        examples = self._examples()
        if examples is None:
            raise ValueError(f"{self.source.name} holds nothing out")
        total = 0.0
        for start in range(0, len(examples), BATCH):
            batch = examples.take(np.arange(start, min(start + BATCH, len(examples))))
            inputs, targets = tensors(self.source, batch, self.device)
            with autocast(self.spec, self.device):
                outputs = forward(inputs)
            truth = self.source.truth(batch[0])
            known = targets if truth is None else torch.from_numpy(truth).to(self.device)
            total += loss_of(self.source, outputs, known, reduction="sum").item()
        return total / (len(examples) * self.spec.context)

    def _examples(self) -> Examples | None:
        count = max(self.spec.val_tokens // self.spec.context, 1)
        split = self.source.held_out if self.held_out else self.source.validation
        return split(self.spec.context, count)


def check_sources(spec: TrainSpec, sources: Sequence[Source]) -> None:
    """Refuse sources that a model of the first of them could not be validated on.

    Raises:
        UsageError: for other inputs, outputs or another loss.
    """
    own, *others = sources
    for other in others:
        if _reads(other) != _reads(own):
            raise UsageError(
                f"validate_on names {other.name}, which gives {_reads(other)}; a model of {own.name} is for "
                f"{_reads(own)}. Next: name sources like the corpus, or none."
            )


def require_samples(spec: TrainSpec, sources: Sequence[Source]) -> None:
    """Refuse, before a run is trained, what its validation would fail at or could not mean.

    Raises:
        UsageError: for a source whose tokens are of another tokenizer.
        DataError: for a split without examples.
    """
    own, *others = sources
    for source in sources:
        source.validation(spec.context, 1)
    own.held_out(spec.context, 1)
    for other in others:
        mine, theirs = (source.facts().get("tokenizer_sha256") for source in (own, other))
        if mine and theirs and mine != theirs:
            raise UsageError(
                f"validate_on names {other.name}, whose tokenizer is not that of {own.name}: a token means another "
                "thing there. Next: pack both with one tokenizer (scalelaw corpora pack --tokenizer)."
            )


def _reads(source: Source) -> str:
    """What a model needs to know of a source, in words."""
    shape = f" of shape {source.input_shape}" if source.input_shape else ""
    return f"{source.kind}{shape}, {source.outputs} outputs and {source.loss.replace('_', ' ')}"
