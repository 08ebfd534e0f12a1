"""`TrainSpec`: everything that determines a run. Its hash is the run's id, so a repeated sweep resumes."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

from scalelaw.counting import TransformerShape
from scalelaw.errors import UsageError

CHOICES = {
    "parametrization": ("standard", "mup"),
    "schedule": ("cosine", "wsd"),
    "precision": ("fp32", "bf16"),
}
POSITIVE = ("lr", "epsilon", "grad_clip", "init_std")
HIGHEST = {"warmup_share": 1.0, "cooldown_share": 1.0, "final_lr_share": 1.0, "beta1": 0.9999, "beta2": 0.99999}


@dataclass(frozen=True)
class TrainSpec:
    """One training run of a decoder transformer.

    Attributes:
        corpus: a name in `runners.corpora`.
        width, depth, head_dim, ff_ratio: the shape; heads number width / head_dim, feed-forward width ff_ratio x width.
        n_tokens: training tokens wanted; rounded down to whole steps.
        context, batch_size: tokens in a sequence, sequences in a step.
        parametrization, base_width: how initialisation and learning rates follow the width; see
            `runners.parametrizations`.
        lr: peak learning rate at the base width.
        schedule: `cosine`, or `wsd` (warm-up, constant, linear cool-down over `cooldown_share`).
        warmup_share: share of the steps over which the rate rises from zero.
        final_lr_share: last learning rate as a share of the peak.
        weight_decay, beta1, beta2, epsilon, grad_clip: AdamW and the clipping norm.
        init_std: initial standard deviation of the embeddings.
        zero_readout: start the read-out at zero.
        seed: initialisation and the order of the data.
        precision: `fp32`, or `bf16` (autocast).
        compile: whether torch.compile is used.
        val_tokens, evals: size of the validation sample; how many times it is evaluated, log-spaced, the end included.
    """

    corpus: str
    width: int
    depth: int
    n_tokens: int
    head_dim: int = 16
    ff_ratio: int = 4
    context: int = 64
    batch_size: int = 32
    parametrization: str = "mup"
    base_width: int = 32
    lr: float = 2.0**-6
    schedule: str = "cosine"
    warmup_share: float = 0.05
    cooldown_share: float = 0.2
    final_lr_share: float = 0.0
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    grad_clip: float = 1.0
    init_std: float = 1.0
    zero_readout: bool = False
    seed: int = 0
    precision: str = "fp32"
    compile: bool = False
    val_tokens: int = 2**18
    evals: int = 8

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UsageError(f"{name} must be one of {', '.join(known)}; found {getattr(self, name)!r}.")
        for field in fields(self):
            if field.type == "int":
                self._require_whole(field.name)
            if field.type == "float":
                self._require_real(field.name)
        if self.width % self.head_dim:
            raise UsageError(f"width {self.width} must be a multiple of head_dim {self.head_dim}.")
        if self.steps < 1:
            raise UsageError(f"n_tokens {self.n_tokens} is less than one step of {self.tokens_per_step} tokens.")

    def _require_whole(self, name: str) -> None:
        value, least = getattr(self, name), 0 if name == "seed" else 1
        if type(value) is not int or value < least:
            raise UsageError(f"{name} must be a whole number, at least {least}; found {value!r}.")

    def _require_real(self, name: str) -> None:
        """Within its range, and kept as a float, so that 1 and 1.0 are one spec and have one hash."""
        value, highest = getattr(self, name), HIGHEST.get(name, math.inf)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise UsageError(f"{name} must be a finite number; found {value!r}.")
        if name in POSITIVE and value <= 0:
            raise UsageError(f"{name} must be positive; found {value!r}.")
        if not 0 <= value <= highest:
            raise UsageError(f"{name} must lie between 0 and {highest:g}; found {value!r}.")
        object.__setattr__(self, name, float(value))

    @property
    def tokens_per_step(self) -> int:
        """Tokens in one optimizer step."""
        return self.batch_size * self.context

    @property
    def steps(self) -> int:
        """Whole optimizer steps within n_tokens."""
        return self.n_tokens // self.tokens_per_step

    @property
    def tokens_trained(self) -> int:
        """Tokens in all those steps: what the run logs as its D."""
        return self.steps * self.tokens_per_step

    @property
    def width_ratio(self) -> float:
        """m = width / base width."""
        return self.width / self.base_width

    def shape(self, vocab: int) -> TransformerShape:
        """What parameter and FLOP counts depend on."""
        return TransformerShape(self.depth, self.width, self.ff_ratio * self.width, vocab, self.context)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    @cached_property
    def run_id(self) -> str:
        """A readable name and the hash of every field, safe as a folder's name."""
        digest = _digest(self.as_dict())
        return f"{self.corpus}-{self.parametrization}-d{self.width}-L{self.depth}-s{self.seed}-{digest}"

    @cached_property
    def group(self) -> str:
        """The configuration without its seed: seeds of one configuration are resampled together."""
        return replace(self, seed=0).run_id.replace("-s0-", "-")


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:10]
