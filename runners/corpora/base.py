"""What a corpus gives: windows of tokens to train on, never the same text twice, and held-out windows.

A window is `context + 1` tokens: inputs and, one further on, their targets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Windows = NDArray[np.integer]


class Corpus(ABC):
    """A source of tokens with a held-out split."""

    name: str
    vocab: int

    @abstractmethod
    def training(self, context: int, count: int, seed: int) -> Windows:
        """`count` windows, `[count, context + 1]`, in the order of `seed`, no token predicted twice.

        Raises:
            DataError: where the corpus has fewer.
        """

    @abstractmethod
    def validation(self, context: int, count: int) -> Windows:
        """Held-out windows, `[count, context + 1]`, the same at every call."""

    def truth(self, windows: Windows) -> NDArray[np.float32] | None:
        """The true distribution of every target given the window so far, `[count, context, vocab]`, where it is known.

        A validation loss taken against it has the same mean as one taken against the sampled targets, and no noise
        from their sampling.
        """
        return None

    def entropy(self, context: int) -> float | None:
        """The least loss any model can reach on windows of this context, nats/token, where it is known."""
        return None

    @abstractmethod
    def facts(self) -> Mapping[str, object]:
        """Source, licence, size and sha256 of the content, for the record of a run."""
