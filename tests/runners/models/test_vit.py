"""How images are cut, and what order means to a vision transformer."""

from __future__ import annotations

import pytest
import torch

from runners.models.vit import ViT
from scalelaw.errors import UsageError
from tests.runners.models.members import PICTURES, Pictures, member


def vit(**fields: object) -> ViT:
    model = member(PICTURES, "vit", **fields).build()
    assert isinstance(model, ViT)
    return model


def test_patches_are_cut_row_by_row() -> None:
    images = torch.arange(2 * 3 * 8 * 4).view(2, 3, 8, 4)
    found = vit(patch=2).cut(images)
    assert found.shape == (2, 8, 12)
    for row in range(4):
        for column in range(2):
            square = images[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert torch.equal(found[:, 2 * row + column], square.flatten(1))


def test_without_positions_the_order_of_patches_does_not_matter() -> None:
    """So nothing is masked, and the table is what tells where a patch was."""
    model, images = vit(patch=4), torch.randn(2, 3, 8, 4)
    swapped = torch.cat((images[:, :, 4:], images[:, :, :4]), dim=2)
    with torch.no_grad():
        assert not torch.allclose(model(images), model(swapped))
        model.positions.weight.zero_()
        torch.testing.assert_close(model(images), model(swapped))


def test_patches_that_do_not_fill_an_image_are_refused() -> None:
    with pytest.raises(UsageError, match="Patches of side 2 do not fill an image of 7 x 4"):
        member(Pictures((1, 7, 4)), "vit").check()
