"""`TrainSpec`: everything that determines a run. Its hash is the run's id, so a repeated sweep resumes."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import Field, asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

from runners.parametrizations import PARAMETRIZATIONS, Scale
from scalelaw.errors import UsageError

CHOICES = {
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "wsd", "linear", "constant"),
    "precision": ("fp32", "bf16"),
    "positions": ("learned", "rope"),
    "activation": ("gelu", "swiglu", "relu", "tanh"),
    "attention_scale": ("sqrt", "linear"),
}
KINDS = {"bool": (bool, "true or false"), "str": (str, "a text")}
"""What the fields of these annotations hold, and its name."""
POSITIVE = ("lr", "epsilon", "grad_clip", "init_std")
HIGHEST = {
    "warmup_share": 1.0,
    "cooldown_share": 1.0,
    "final_lr_share": 1.0,
    "beta1": 0.9999,
    "beta2": 0.99999,
    "momentum": 0.9999,
    "dropout": 0.9,
}
ZERO_ALLOWED = ("seed", "warmup_tokens", "trunk_tokens", "unique_tokens", "micro_batch", "kv_heads", "base_head_dim")


@dataclass(frozen=True)
class TrainSpec:
    """One training run.

    Attributes:
        corpus: a name in `runners.corpora`.
        width, depth: the size, within the family `model`.
        n_tokens: training tokens wanted; rounded down to whole steps.
        head_dim, ff_ratio: heads number width / head_dim, the feed-forward width is ff_ratio x width.
        context, batch_size: tokens in a sequence, sequences in a step.
        parametrization, base_width, base_depth: how initialisation and learning rates follow width and depth; see
            `runners.parametrizations`.
        lr: peak learning rate at the base width.
        schedule: `cosine`, `linear`, `constant`, or `wsd` (warm-up, constant, linear cool-down over `cooldown_share`).
        warmup_share: share of the steps over which the rate rises from zero; `warmup_tokens`, where not 0, says it in
            tokens instead.
        final_lr_share: last learning rate as a share of the peak.
        weight_decay, beta1, beta2, epsilon, grad_clip: AdamW and the clipping norm.
        init_std: initial standard deviation of the embeddings.
        zero_readout, zero_query: start the read-out, or the queries, at zero.
        seed: initialisation and the order of the data.
        precision: `fp32`, or `bf16` (autocast).
        compile: whether torch.compile is used.
        val_tokens, evals: size of the validation sample; how many times it is evaluated, log-spaced, the end included.
        model: a family in `runners.models`.
        optimizer, momentum: `adamw`, or `sgd` with its momentum.
        independent_decay: with adamw, weight decay that the base learning rate does not multiply (Wortsman et al. 2023,
            arXiv 2309.14322): each step takes the share weight_decay x schedule of a weight.
        positions: of a transformer, `learned` or `rope`.
        activation: `gelu`, `relu`, `tanh` or, of a transformer's feed-forward layer, `swiglu`.
        qk_norm: normalise queries and keys, head by head.
        kv_heads: heads of keys and values; 0 is as many as of queries.
        tied: the read-out is the embedding.
        attention_scale: logits are q.k / sqrt(K) or, `linear`, q.k sqrt(K0) / K, where the head size K is `head_dim`
            and K0 is `base_head_dim` (0: `head_dim`), for families whose heads grow.
        z_loss: weight of the squared log-partition added to the training loss.
        dropout: share of every residual branch's output set to zero in training.
        micro_batch: sequences in one pass; a step accumulates the gradients of batch_size. 0 is all at once.
        validate_on: further sources to be validated on, by name, with commas between.
        unique_tokens: repeat so many tokens instead of reading on; 0 never repeats.
        trunk_tokens: where not 0, the run is the cool-down branch of a constant-rate trunk of so many tokens and reads
            the same data in the same order, so that one trunk serves every branch.
        patch: of a vision transformer, the side of a patch.
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
    base_depth: int = 2
    model: str = "transformer"
    optimizer: str = "adamw"
    momentum: float = 0.9
    independent_decay: bool = False
    warmup_tokens: int = 0
    positions: str = "learned"
    activation: str = "gelu"
    qk_norm: bool = False
    kv_heads: int = 0
    tied: bool = False
    attention_scale: str = "sqrt"
    base_head_dim: int = 0
    zero_query: bool = False
    z_loss: float = 0.0
    dropout: float = 0.0
    micro_batch: int = 0
    validate_on: str = ""
    unique_tokens: int = 0
    trunk_tokens: int = 0
    patch: int = 2

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UsageError(f"{name} must be one of {', '.join(known)}; found {getattr(self, name)!r}.")
        for field in fields(self):
            if field.type == "int":
                self._require_whole(field.name)
            if field.type == "float":
                self._require_real(field.name)
            if field.type in KINDS:
                self._require_kind(field.name, field.type)
        known = PARAMETRIZATIONS[self.parametrization].optimizers
        if self.optimizer not in known:
            raise UsageError(
                f"The parametrization {self.parametrization} has rules for {', '.join(known)}; found {self.optimizer}."
            )
        if self.independent_decay and self.optimizer != "adamw":
            raise UsageError(
                f"independent_decay goes with adamw: the momentum of {self.optimizer} multiplies a decay by "
                "1 / (1 - momentum). Next: drop it."
            )
        if self.steps < 1:
            raise UsageError(f"n_tokens {self.n_tokens} is less than one step of {self.tokens_per_step} tokens.")
        if self.micro_batch and self.batch_size % self.micro_batch:
            raise UsageError(f"batch_size {self.batch_size} must be a multiple of micro_batch {self.micro_batch}.")
        if self.trunk_tokens and (self.schedule != "wsd" or self.trunk_tokens < self.n_tokens):
            raise UsageError(
                f"A branch has the schedule wsd and a trunk at least as long as itself; found {self.schedule}, "
                f"trunk_tokens {self.trunk_tokens} and n_tokens {self.n_tokens}."
            )

    def _require_whole(self, name: str) -> None:
        value, least = getattr(self, name), 0 if name in ZERO_ALLOWED else 1
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

    def _require_kind(self, name: str, kind: str) -> None:
        """Not 1 for true, which would be another id, nor "false", which is true."""
        value, (known, wanted) = getattr(self, name), KINDS[kind]
        if type(value) is not known:
            raise UsageError(f"{name} must be {wanted}; found {value!r}.")

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
    def unique_examples(self) -> int:
        """Examples that `unique_tokens` stands for: whole ones, at least one."""
        return max(round(self.unique_tokens / self.context), 1)

    @property
    def scale(self) -> Scale:
        """Where the model stands in its family."""
        return Scale(self.width / self.base_width, self.depth / self.base_depth, self.optimizer, self.init_std)

    @property
    def validation_sources(self) -> tuple[str, ...]:
        """The corpus, then the further sources that are validated on, each once."""
        named = (name.strip() for name in self.validate_on.split(","))
        return tuple(dict.fromkeys((self.corpus, *filter(None, named))))

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    @cached_property
    def run_id(self) -> str:
        """A readable name and the hash of what is not at its default, safe as a folder's name.

        A field that a later version adds, at a default that changes nothing, so leaves the ids of older runs alone.
        """
        digest = _digest({field.name: getattr(self, field.name) for field in fields(self) if self._is_set(field)})
        corpus = re.sub(r"[^A-Za-z0-9._-]+", "-", self.corpus)[:40].strip("-")
        return f"{corpus}-{self.parametrization}-d{self.width}-L{self.depth}-s{self.seed}-{digest}"

    @cached_property
    def group(self) -> str:
        """The configuration without its seed: seeds of one configuration are resampled together."""
        return replace(self, seed=0).run_id.replace("-s0-", "-")

    def _is_set(self, field: Field[Any]) -> bool:
        return bool(getattr(self, field.name) != field.default)


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:10]
