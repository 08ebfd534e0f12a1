"""What a model family is: width and depth become a network whose parameters and FLOPs are known before it is built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields

from torch import nn

from runners.corpora import Source
from runners.spec import TrainSpec
from scalelaw.counting import Counts
from scalelaw.errors import UsageError

SHAPE_FIELDS = frozenset(
    {
        "head_dim", "ff_ratio", "positions", "activation", "qk_norm", "kv_heads", "tied", "attention_scale",
        "base_head_dim", "zero_query", "zero_readout", "dropout", "init_std", "patch",
    }
)  # fmt: skip
"""Fields of a spec that describe a network; each family reads some of them."""


class Family(ABC):
    """A kind of network.

    Attributes:
        kinds: the kinds of source it can read; see `Source`.
        reads: which of `SHAPE_FIELDS` mean something to it.
    """

    name: str
    kinds: frozenset[str]
    reads: frozenset[str]

    @abstractmethod
    def build(self, spec: TrainSpec, source: Source) -> nn.Module:
        """The network, initialised from the spec's seed by its parametrization; inputs to outputs `[..., outputs]`."""

    @abstractmethod
    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """Its parameters and FLOPs, exactly, without building it."""

    def check(self, spec: TrainSpec, source: Source) -> None:
        """Refuse a spec that is no member of the family.

        Raises:
            UsageError: for a source it cannot read or a field that means nothing to it.
        """
        if source.kind not in self.kinds:
            raise UsageError(
                f"The family {self.name} reads {', '.join(sorted(self.kinds))}; {source.name} gives {source.kind}."
            )
        if source.kind != "tokens" and spec.context != 1:
            raise UsageError(f"{source.name} has one prediction an example: set context = 1; found {spec.context}.")
        if source.loss != "cross_entropy" and spec.z_loss:
            raise UsageError(f"{source.name} has no softmax for z_loss to act on; found {spec.z_loss}.")
        for field in fields(spec):
            if field.name in SHAPE_FIELDS - self.reads and getattr(spec, field.name) != field.default:
                raise UsageError(f"The family {self.name} has no {field.name}; found {getattr(spec, field.name)!r}.")
