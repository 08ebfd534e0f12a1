"""Residual convolutional networks for small images.

Dimensions: B images, C channels, H height, W width of an image, D width of the network, O outputs, K models of a stack,
I inputs and k side of a filter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runners.corpora import Source
from runners.models._activations import POINTWISE, require_pointwise
from runners.models._layers import Linear, Norm, Ruled, by_model, initialise, scaled
from runners.models._residual import Residual
from runners.models._rules import Rules
from runners.models.base import Family
from runners.parametrizations import Role, Rule
from runners.spec import TrainSpec
from scalelaw.counting import Counts

SIDE = 3
"""Of every filter."""


class Conv(Ruled):
    """y_BHWO = output x_BHWI * W_OIkk, padded with zeros; of a stack, the models are groups of one convolution."""

    def __init__(self, n_in: int, n_out: int, rule: Rule) -> None:
        super().__init__(weight=rule)
        self.output = rule.output
        self.weight = nn.Parameter(torch.empty(n_out, n_in, SIDE, SIDE))

    def forward(self, x_BHWI: Tensor) -> Tensor:
        if self.weight.dim() == 4:
            y_BOHW = functional.conv2d(x_BHWI.permute(0, 3, 1, 2), self.weight, padding=SIDE // 2)
            return scaled(y_BOHW.permute(0, 2, 3, 1), self.output)
        K = len(self.weight)
        x = by_model(x_BHWI, K).permute(1, 0, 4, 2, 3).flatten(1, 2)  # B, K x I, H, W
        y = functional.conv2d(x, self.weight.flatten(0, 1), padding=SIDE // 2, groups=K)
        B, _, H, W = y.shape
        return scaled(y.reshape(B, K, -1, H, W).permute(1, 0, 3, 4, 2).flatten(0, 1), self.output)


class ResidualBlock(nn.Module):
    """x + conv(phi(norm(conv(phi(norm(x)))))): He et al. 2016, arXiv 1603.05027.

    RMSNorm over the channels of each pixel stands where that paper normalises over the batch, so that what a network
    says of an image depends on no other image.
    """

    def __init__(self, spec: TrainSpec) -> None:
        super().__init__()
        D, rules = spec.width, Rules(spec)
        self.activation = POINTWISE[spec.activation]
        self.first_norm = Norm(D, rules(Role.norm))
        self.first = Conv(D, D, rules(Role.hidden, SIDE**2 * D))
        self.second_norm = Norm(D, rules(Role.norm))
        self.second = Conv(D, D, rules(Role.hidden, SIDE**2 * D))
        self.residual = Residual(spec)

    def forward(self, x_BHWD: Tensor) -> Tensor:
        y_BHWD = self.first(self.activation(self.first_norm(x_BHWD)))
        y_BHWD = self.second(self.activation(self.second_norm(y_BHWD)))
        joined_BHWD: Tensor = self.residual(x_BHWD, y_BHWD)
        return joined_BHWD


class ResNet(nn.Module):
    """images_BCHW -> outputs_BO: a convolution, `depth` residual blocks, the mean over pixels, the read-out.

    One width and one resolution throughout, so that width and depth say all.
    """

    def __init__(self, spec: TrainSpec, source: Source) -> None:
        super().__init__()
        (C, _, _), D, rules = source.input_shape, spec.width, Rules(spec)
        self.activation = POINTWISE[spec.activation]
        self.input = Conv(C, D, rules(Role.input, SIDE**2 * C))
        self.blocks = nn.ModuleList(ResidualBlock(spec) for _ in range(spec.depth))
        self.final_norm = Norm(D, rules(Role.norm))
        self.readout = Linear(D, source.outputs, rules.readout(D))
        initialise(self, spec.seed)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        x_BHWD = self.input(images_BCHW.permute(0, 2, 3, 1))
        for block in self.blocks:
            x_BHWD = block(x_BHWD)
        outputs_BO: Tensor = self.readout(self.activation(self.final_norm(x_BHWD)).mean(dim=(1, 2)))
        return outputs_BO


class ResNetFamily(Family):
    """Pre-activation residual networks of one width and resolution."""

    name = "resnet"
    kinds = frozenset({"images"})
    reads = frozenset({"activation", "zero_readout", "dropout"})

    def build(self, spec: TrainSpec, source: Source) -> ResNet:
        """images_BCHW -> outputs_BO."""
        return ResNet(spec, source)

    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """Filters 9 C D + 18 L D^2, gains (2 L + 1) D, read-out O D; a filter's FLOPs come once for every pixel.

        Torch counts what a padded filter does beyond the edge, too.
        """
        (C, H, W), D, L = source.input_shape, spec.width, spec.depth
        first, filters, readout = SIDE**2 * C * D, 2 * L * SIDE**2 * D * D, source.outputs * D
        n_params = first + filters + (2 * L + 1) * D + readout
        return Counts(n_params, n_params - readout, H * W * (4.0 * first + 6.0 * filters) + 6.0 * readout)

    def check(self, spec: TrainSpec, source: Source) -> None:
        """The activation acts on single features."""
        super().check(spec, source)
        require_pointwise(spec)


KIND = ResNetFamily()
