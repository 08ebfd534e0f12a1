"""Convolutions by their definition, and what the network of them does not see."""

from __future__ import annotations

import torch

from runners.models._layers import initialise
from runners.models.resnet import Conv
from runners.parametrizations import Rule
from tests.runners.models.members import PICTURES, Pictures, member


def test_a_convolution_sums_over_its_three_by_three_neighbours() -> None:
    layer = Conv(2, 3, Rule(std=1.0, output=0.5))
    initialise(layer, 0)
    x_BHWI = torch.randn(2, 4, 5, 2)
    padded = torch.nn.functional.pad(x_BHWI, (0, 0, 1, 1, 1, 1))
    expected = torch.zeros(2, 4, 5, 3)
    for i in range(3):
        for j in range(3):
            expected += 0.5 * padded[:, i : i + 4, j : j + 5] @ layer.weight[:, :, i, j].T
    torch.testing.assert_close(layer(x_BHWI), expected, rtol=1e-4, atol=1e-5)


def test_images_of_any_side_are_read() -> None:
    model = member(PICTURES, "resnet").build()
    assert model(torch.randn(2, 3, 5, 9)).shape == (2, PICTURES.outputs)


def test_a_mirrored_image_is_seen_by_mirrored_filters_alike() -> None:
    model, images = member(Pictures((1, 8, 8)), "resnet").build(), torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        before = model(images)
        for parameter in model.parameters():
            if parameter.dim() == 4:
                parameter.copy_(parameter.flip(3))
        torch.testing.assert_close(model(images.flip(3)), before, rtol=1e-4, atol=1e-5)
