"""What a parametrization says of each tensor: five numbers, and one of each residual branch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Role(StrEnum):
    """What a tensor does, which decides how it scales: by how many of its dimensions grow with width.

    `embedding` (rows looked up by index) and `input` (a product over a fan-in that does not grow) have one such
    dimension, as have `norm` and `bias`; `hidden` has two; `readout` sums over one and gives a fixed number of outputs.
    """

    embedding = "embedding"
    input = "input"
    hidden = "hidden"
    norm = "norm"
    bias = "bias"
    readout = "readout"


GAINS_AND_BIASES = frozenset({Role.norm, Role.bias})
"""Tensors that start at 1 or 0 and do not decay."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one tensor is initialised and trained.

    Attributes:
        std: initial standard deviation; norm gains start at 1, biases at 0, and ignore it.
        lr: multiplier of the base learning rate.
        decay: multiplier of the weight decay, which torch multiplies by the learning rate.
        epsilon: multiplier of Adam's epsilon.
        output: multiplier of what the tensor's product gives.
        role: whose rule it is. Rules that treat tensors alike are equal, whatever their roles.
    """

    std: float
    lr: float = 1.0
    decay: float = 1.0
    epsilon: float = 1.0
    output: float = 1.0
    role: Role | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a model stands in its family, and what trains it.

    Attributes:
        m: width / base width.
        l: depth / base depth.
        optimizer: `adamw` or `sgd`.
        init_std: the standard deviation asked for the embeddings.
    """

    m: float = 1.0
    l: float = 1.0  # noqa: E741  the papers' letter
    optimizer: str = "adamw"
    init_std: float = 1.0


class Parametrization(ABC):
    """Rules as a function of the scale. All parametrizations coincide at m = l = 1.

    A kind is its `row`, a table over roles whose first row every kind shares: the deviation is `init_std` for an
    embedding and 1/sqrt(fan_in) for a matrix at the base shape, and gains and biases have no decay.

    Attributes:
        source: the paper and its table.
        optimizers: those it has rules for.
        output_exponent: what the model gives at initialisation goes like this power of the width.
    """

    name: str
    source: str
    optimizers: tuple[str, ...] = ("adamw", "sgd")
    output_exponent: float = 0.0

    @abstractmethod
    def row(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """A kind's table at one role; see `rule`."""

    def rule(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The rule of a tensor of that role.

        Args:
            fan_in: inputs that one of its outputs sums over, at the model's own width.
        """
        return replace(self.row(role, fan_in, scale), role=role)

    def branch(self, scale: Scale) -> float:
        """The multiplier of what a residual branch adds to the stream."""
        return 1.0


def initial_std(role: Role, fan_in: float, scale: Scale) -> float:
    """The deviation that variances of 1/fan_in ask for: `init_std` where rows are looked up, 1/sqrt(fan_in) else."""
    return scale.init_std if role is Role.embedding else float(fan_in**-0.5)
