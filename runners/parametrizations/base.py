"""What a parametrization says of each tensor: five numbers, and one of each residual branch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Rule:
    """How one tensor is initialised and trained.

    Attributes:
        std: initial standard deviation; norm gains start at 1, biases at 0, and ignore it.
        lr: multiplier of the base learning rate.
        decay: multiplier of AdamW's weight decay, which torch multiplies by the learning rate.
        epsilon: multiplier of Adam's epsilon.
        output: multiplier of what the tensor's product gives.
    """

    std: float
    lr: float = 1.0
    decay: float = 1.0
    epsilon: float = 1.0
    output: float = 1.0


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

    Attributes:
        optimizers: those it has rules for.
    """

    name: str
    source: str
    optimizers: tuple[str, ...] = ("adamw", "sgd")

    @abstractmethod
    def rule(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The rule of a tensor of that role.

        Args:
            fan_in: inputs that one of its outputs sums over, at the model's own width.
        """

    def branch(self, scale: Scale) -> float:
        """The multiplier of what a residual branch adds to the stream."""
        return 1.0
