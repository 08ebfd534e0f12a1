"""What turns features into logits.

Dimensions: D width, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn

from runners.models._layers import Linear, Table, product, scaled
from runners.models._rules import Rules
from runners.spec import TrainSpec
from scalelaw.errors import UsageError


class Tied(nn.Module):
    """logits_..V = output x_..D E_VD of the embedding E.

    E is an embedding to its parametrization: its deviation `init_std`, its rate and its decay follow no width. What the
    parametrization says of a read-out's product it says here as well: under muP logits are multiplied by 1/m, as by
    `MuSharedReadout` of the package mup. So E moves the logits as much at every width under the parametrizations that
    multiply by 1/m, and ever more under standard and neural tangent. Logits start with a deviation of init_std sqrt(D)
    times the multiplier: an init_std of base_width^-1/2 starts them at 1 at the base width.
    """

    def __init__(self, table: Table, output: float) -> None:
        super().__init__()
        self.table, self.output = table, output

    def forward(self, x: Tensor) -> Tensor:
        return scaled(product(x, self.table.weight), self.output)


def token_readout(spec: TrainSpec, table: Table, vocab: int) -> Linear | Tied:
    """A matrix of its own, or the embedding where the spec ties them."""
    rule = Rules(spec).readout(spec.width)
    return Tied(table, rule.output) if spec.tied else Linear(spec.width, vocab, rule)


def check_readout(spec: TrainSpec) -> None:
    """Refuse a tied read-out that starts at zero: the embedding would.

    Raises:
        UsageError: for both.
    """
    if spec.tied and spec.zero_readout:
        raise UsageError("A tied read-out cannot start at zero, as the embedding would: drop tied or zero_readout.")
