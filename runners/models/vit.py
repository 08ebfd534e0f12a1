"""Vision transformers: images as sequences of patches.

Dimensions: B images, C channels, H height, W width of an image, p side of a patch, T patches, D width, O outputs.
"""

from __future__ import annotations

from torch import Tensor, nn

from runners.corpora import Source
from runners.models._attention import check_heads, zero_queries
from runners.models._block import Block, shape_of
from runners.models._layers import Linear, Norm, Table, initialise
from runners.models._rules import Rules
from runners.models.base import SHAPE_FIELDS, Family
from runners.parametrizations import Role
from runners.spec import TrainSpec
from scalelaw.counting import Counts
from scalelaw.errors import UsageError


class ViT(nn.Module):
    """images_BCHW -> outputs_BO: a matrix for all patches, learned positions, blocks without a mask, the mean.

    The mean over patches stands where Dosovitskiy et al. 2020 (arXiv 2010.11929) read a class token; it does as well
    and needs no tensor of its own (Beyer, Zhai & Kolesnikov 2022, arXiv 2205.01580).
    """

    def __init__(self, spec: TrainSpec, source: Source) -> None:
        super().__init__()
        D, rules = spec.width, Rules(spec)
        T, n_inputs = patches(spec, source)
        self.patch = spec.patch
        self.input = Linear(n_inputs, D, rules(Role.input, n_inputs))
        self.positions = Table(T, D, rules(Role.embedding))
        self.blocks = nn.ModuleList(Block(spec, causal=False) for _ in range(spec.depth))
        self.final_norm = Norm(D, rules(Role.norm))
        self.readout = Linear(D, source.outputs, rules.readout(D))
        initialise(self, spec.seed)
        zero_queries(self)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        x_BTD = self.positions.added_to(self.input(self.cut(images_BCHW)))
        for block in self.blocks:
            x_BTD = block(x_BTD)
        outputs_BO: Tensor = self.readout(self.final_norm(x_BTD).mean(dim=1))
        return outputs_BO

    def cut(self, images_BCHW: Tensor) -> Tensor:
        """The patches, row by row, `[B, T, C p p]`."""
        (B, C, H, W), p = images_BCHW.shape, self.patch
        x_BChpwp = images_BCHW.reshape(B, C, H // p, p, W // p, p)
        return x_BChpwp.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def patches(spec: TrainSpec, source: Source) -> tuple[int, int]:
    """How many patches an image has, and how many numbers a patch."""
    C, H, W = source.input_shape
    return H * W // spec.patch**2, C * spec.patch**2


class ViTFamily(Family):
    """Transformers that see all of an image at once."""

    name = "vit"
    kinds = frozenset({"images"})
    reads = SHAPE_FIELDS - {"positions", "tied"}

    def build(self, spec: TrainSpec, source: Source) -> ViT:
        """images_BCHW -> outputs_BO."""
        return ViT(spec, source)

    def counts(self, spec: TrainSpec, source: Source) -> Counts:
        """`TransformerShape` without a vocabulary, its FLOPs once for every patch, and the two outer matrices."""
        T, n_inputs = patches(spec, source)
        shape, first, readout = shape_of(spec, 0, T), n_inputs * spec.width, source.outputs * spec.width
        return Counts(
            shape.params_all() + first + readout,
            shape.params_non_embedding() + first,
            T * (shape.flops_per_token_exact() + 4.0 * first) + 6.0 * readout,
        )

    def check(self, spec: TrainSpec, source: Source) -> None:
        """Heads must fill the width, and patches the image."""
        super().check(spec, source)
        check_heads(spec)
        _, H, W = source.input_shape
        if H % spec.patch or W % spec.patch:
            raise UsageError(f"Patches of side {spec.patch} do not fill an image of {H} x {W}: set patch to a divisor.")


KIND = ViTFamily()
