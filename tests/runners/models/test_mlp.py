"""The perceptron by its formula."""

from __future__ import annotations

import pytest
import torch

from tests.runners.models.members import PICTURES, POINTS, member


@pytest.mark.parametrize("activation", ["gelu", "relu", "tanh"])
def test_the_network_is_its_formula(activation: str) -> None:
    """tanh at a width of four times the base, where muP divides the outputs by 4."""
    model = member(POINTS, "mlp", activation=activation, base_width=4, depth=2).build()
    phi = {"gelu": torch.nn.functional.gelu, "relu": torch.relu, "tanh": torch.tanh}[activation]
    w = dict(model.named_parameters())
    with torch.no_grad():
        for name in w:
            if name.endswith("bias"):
                w[name].normal_()
        x = torch.randn(7, POINTS.dimension)
        features = phi(x @ w["input.weight"].T + w["input.bias"])
        for layer in (0, 1):
            features = phi(features @ w[f"hidden.{layer}.weight"].T + w[f"hidden.{layer}.bias"])
        torch.testing.assert_close(model(x), features @ w["readout.weight"].T / 4)


def test_an_image_is_the_vector_of_its_pixels() -> None:
    model = member(PICTURES, "mlp").build()
    images = torch.randn(5, *PICTURES.shape)
    assert model(images).shape == (5, PICTURES.outputs)
    assert model.input.weight.shape[1] == images[0].numel()  # type: ignore[union-attr]
