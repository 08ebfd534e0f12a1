"""Multilayer perceptrons for images and vectors.

Dimensions: B examples, I inputs, D width, O outputs.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from runners.corpora import Source
from runners.models._activations import POINTWISE, require_pointwise
from runners.models._layers import Linear, initialise
from runners.models._rules import Rules
from runners.models.base import Family
from runners.parametrizations import Role
from runners.spec import TrainSpec
from scalelaw.counting import Counts


class MLP(nn.Module):
    """x_B.. -> outputs_BO: x^1 = phi(W^0 x + b^0), x^{j+1} = phi(W^j x^j + b^j) for j = 1 to depth, then V x^{depth+1}.

    So depth counts the D x D matrices, which is what textbooks call depth + 1 hidden layers. There are no norms and no
    residual sums: this is the network that theories of width are about, and its depth is best kept small.
    """

    def __init__(self, spec: TrainSpec, source: Source) -> None:
        super().__init__()
        D, n_inputs, rules = spec.width, math.prod(source.input_shape), Rules(spec)
        self.input_axes = len(source.input_shape)
        self.activation = POINTWISE[spec.activation]
        self.input = Linear(n_inputs, D, rules(Role.input, n_inputs), rules(Role.bias))
        self.hidden = nn.ModuleList(Linear(D, D, rules(Role.hidden, D), rules(Role.bias)) for _ in range(spec.depth))
        self.readout = Linear(D, source.outputs, rules.readout(D))
        initialise(self, spec.seed)

    def forward(self, x: Tensor) -> Tensor:
        x_BD = self.activation(self.input(x.flatten(-self.input_axes)))
        for layer in self.hidden:
            x_BD = self.activation(layer(x_BD))
        outputs_BO: Tensor = self.readout(x_BD)
        return outputs_BO


class MLPFamily(Family):
    """Plain perceptrons; images are read as vectors of their pixels."""

    name = "mlp"
    kinds = frozenset({"images", "vectors"})
    reads = frozenset({"activation", "zero_readout"})

    def build(self, spec: TrainSpec, source: Source) -> MLP:
        """x_B.. -> outputs_BO."""
        return MLP(spec, source)

    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """Matrices I D + L D^2 + O D, biases (L + 1) D; six FLOPs for an entry, four for one that meets the input."""
        D, L = spec.width, spec.depth
        first, hidden, readout = math.prod(source.input_shape) * D, L * D * D, source.outputs * D
        n_params = first + hidden + readout + (L + 1) * D
        return Counts(n_params, n_params - readout, 4.0 * first + 6.0 * (hidden + readout))

    def check(self, spec: TrainSpec, source: Source) -> None:
        """The activation acts on single features."""
        super().check(spec, source)
        require_pointwise(spec)


KIND = MLPFamily()
