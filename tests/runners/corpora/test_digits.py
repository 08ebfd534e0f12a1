"""The digits come as sequences and as images to classify, the same images in the same splits."""

from __future__ import annotations

import numpy as np
import pytest

from runners.corpora import CORPORA, Repeated, Source
from scalelaw.errors import DataError, UsageError
from tests.runners.corpora.conftest import everything

pytest.importorskip("sklearn")

SPLITS = ("train", "validation", "held_out")


def split(name: str, part: str, context: int) -> tuple[np.ndarray, np.ndarray]:
    """All of a split."""
    source: Source = CORPORA[name]
    if part == "train":
        return everything(source.training(context, int(str(source.facts()["train_images"])), 0))
    found = getattr(source, part)(context, 10**6)
    return everything(found)


def test_there_are_1797_images_and_no_image_is_in_two_splits() -> None:
    images = [row.tobytes() for part in SPLITS for row in split("digits", part, 64)[1]]
    assert len(set(images)) == len(images) == 1797


def test_both_corpora_split_the_same_images_the_same_way() -> None:
    for part in SPLITS:
        pixels = {row.tobytes() for row in split("digits", part, 64)[1]}
        images, labels = split("digits_classes", part, 1)
        assert {np.rint(16 * image).astype(np.uint8).tobytes() for image in images} == pixels
        assert images.shape[1:] == CORPORA["digits_classes"].input_shape == (1, 8, 8)
        assert images.dtype == np.float32
        assert (images.min(), images.max()) == (0.0, 1.0)
        assert set(labels) <= set(range(10))


def test_labels_belong_to_their_images() -> None:
    """The nearest training image, by pixels, has the same digit for 95 of a hundred validation images and more."""
    images, labels = split("digits_classes", "train", 1)
    others, answers = split("digits_classes", "validation", 1)
    distance = ((others[:, None] - images[None]) ** 2).sum(axis=(2, 3, 4))
    assert np.mean(labels[distance.argmin(axis=1)] == answers) > 0.95


def test_a_sequence_begins_with_the_start_symbol_and_is_shifted_by_one() -> None:
    inputs, targets = split("digits", "train", 64)
    assert (inputs[:, 0] == 17).all()
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    assert set(np.unique(targets)) == set(range(17))
    assert split("digits", "train", 10)[0].shape[1] == 10


def test_more_than_an_image_and_more_than_all_images_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 64; found 65"):
        CORPORA["digits"].training(65, 1, 0)
    for name in ("digits", "digits_classes"):
        with pytest.raises(DataError, match=r"images to train on.*unique_tokens"):
            CORPORA[name].training(1, 1797, 0)


def test_longer_runs_repeat_the_images_in_another_order() -> None:
    repeated = Repeated(CORPORA["digits_classes"].training(1, 100, 0), 250, seed=0)
    inputs, _ = everything(repeated)
    epochs = [{image.tobytes() for image in inputs[i : i + 100]} for i in (0, 100)]
    assert epochs[0] == epochs[1]
    assert not np.array_equal(inputs[:100], inputs[100:200])
