"""What a parametrization says of each tensor: five numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a tensor does, which decides how it scales: by how many of its dimensions grow with width."""

    embedding = "embedding"
    hidden = "hidden"
    norm = "norm"
    readout = "readout"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one tensor is initialised and trained.

    Attributes:
        std: initial standard deviation; norm gains start at 1 and ignore it.
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


class Parametrization(ABC):
    """Rules for AdamW as a function of the width ratio m = width / base width. All coincide at m = 1."""

    name: str
    source: str

    @abstractmethod
    def rule(self, role: Role, fan_in: int, m: float, init_std: float) -> Rule:
        """The rule of a tensor of that role.

        Args:
            fan_in: inputs that one of its outputs sums over.
            m: width ratio.
            init_std: standard deviation asked for the embeddings.
        """
