"""Images to classify: hand-written digits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runners.corpora import _images
from runners.corpora.base import Array, Examples, Source


class DigitClasses(Source):
    """Images `[1, 8, 8]` with levels scaled to [0, 1], and the digits 0 to 9 that they show."""

    name = "digits_classes"
    kind = "images"
    outputs = 10

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One channel of 8 x 8."""
        return (1, 8, 8)

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Distinct images."""
        return _images.shuffled(self.name, *self._labelled("train"), count, seed)

    def validation(self, context: int, count: int) -> Examples:
        """All of the split, or `count` of it."""
        return _images.sampled(*self._labelled("validation"), count, np.random.default_rng(2011))

    def held_out(self, context: int, count: int) -> Examples:
        """Likewise."""
        return _images.sampled(*self._labelled("held_out"), count, np.random.default_rng(2012))

    def _labelled(self, split: str) -> tuple[Array, Array]:
        images, labels = _images.digits()[split]
        return (images / np.float32(_images.LEVELS - 1)).reshape(-1, *self.input_shape), labels

    def facts(self) -> Mapping[str, object]:
        """Those of the images."""
        return _images.facts()


KIND = DigitClasses()
