"""Images as sequences: hand-written digits, 8 x 8 pixels of 17 levels, predicted pixel by pixel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runners.corpora import _images
from runners.corpora.base import Array, Corpus, Examples
from scalelaw.errors import UsageError

PIXELS = 64


class Digits(Corpus):
    """A start symbol and the pixels, row by row: symbols 0 to 16 are levels, 17 is the start.

    A context below 64 reads the first pixels. 64 x the loss at a context of 64 is nats an image. There are 1,797
    images, so longer runs repeat them with `unique_tokens`.
    """

    name = "digits"
    vocab = _images.LEVELS + 1

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Distinct images."""
        return _images.shuffled(self.name, *self._sequences("train", context), count, seed)

    def validation(self, context: int, count: int) -> Examples:
        """All of the split, or `count` of it."""
        return _images.sampled(*self._sequences("validation", context), count, np.random.default_rng(2011))

    def held_out(self, context: int, count: int) -> Examples:
        """Likewise."""
        return _images.sampled(*self._sequences("held_out", context), count, np.random.default_rng(2012))

    def _sequences(self, split: str, context: int) -> tuple[Array, Array]:
        if context > PIXELS:
            raise UsageError(f"An image has {PIXELS} pixels: set context to at most {PIXELS}; found {context}.")
        images, _ = _images.digits()[split]
        start = np.full((len(images), 1), _images.LEVELS, np.uint8)
        return np.concatenate([start, images], axis=1)[:, :context], images[:, :context]

    def facts(self) -> Mapping[str, object]:
        """Those of the images."""
        return _images.facts()


KIND = Digits()
