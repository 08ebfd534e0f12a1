"""What a source gives: examples to train on and held-out ones, never the same text in two splits.

Three splits: `training`; `validation`, which curves are drawn and laws are fitted with; and `held_out`, looked at once,
after the last step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.generic]
Index = NDArray[np.int64]


class Examples(Protocol):
    """Inputs and targets by their place in the order they are trained on."""

    def __len__(self) -> int: ...

    def take(self, index: Index) -> tuple[Array, Array]:
        """Inputs `[n, ...]` and targets of the examples at `index[n]`."""


@dataclass(frozen=True)
class Windows:
    """Windows of consecutive tokens of one text, which may be a memory map: targets are one token further on."""

    text: Array
    starts: Index
    context: int

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, index: Index) -> tuple[Array, Array]:
        """`[n, context]` twice."""
        windows = sliding_window_view(self.text, self.context + 1)[self.starts[index]]
        return windows[:, :-1], windows[:, 1:]


@dataclass(frozen=True)
class Rows:
    """Examples that are in memory as they are."""

    inputs: Array
    targets: Array

    @classmethod
    def of_windows(cls, windows: Array) -> Rows:
        """From `[n, context + 1]` tokens."""
        return cls(windows[:, :-1], windows[:, 1:])

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, index: Index) -> tuple[Array, Array]:
        """The rows at `index`."""
        return self.inputs[index], self.targets[index]


@dataclass(frozen=True)
class Repeated:
    """Few examples met again and again, in another order in every epoch."""

    unique: Examples
    count: int
    seed: int

    def __len__(self) -> int:
        return self.count

    def take(self, index: Index) -> tuple[Array, Array]:
        """Example i is the (i mod n)-th of the order of epoch i // n; the first epoch keeps the order it was given."""
        epoch, place = np.divmod(index, len(self.unique))
        chosen = np.empty_like(place)
        for number in np.unique(epoch):
            here = epoch == number
            chosen[here] = self._order(int(number))[place[here]]
        return self.unique.take(chosen)

    def _order(self, epoch: int) -> Index:
        n = len(self.unique)
        return np.arange(n) if epoch == 0 else np.random.default_rng([self.seed, 11, epoch]).permutation(n)


@dataclass(frozen=True)
class Generated:
    """Examples made when they are asked for, a block at a time, so that any number of them needs no memory.

    `make` gives the inputs and targets of block b, always the same ones. The blocks met last are kept.
    """

    count: int
    make: Callable[[int], tuple[Array, Array]]
    block: int = 1024
    kept_bytes: int = 2**28
    _kept: OrderedDict[int, tuple[Array, Array]] = field(default_factory=OrderedDict, repr=False, compare=False)

    def __len__(self) -> int:
        return self.count

    def take(self, index: Index) -> tuple[Array, Array]:
        """The examples at `index`, each from its block."""
        number, place = np.divmod(index, self.block)
        blocks, which = np.unique(number, return_inverse=True)
        made = [self._block(int(b)) for b in blocks]
        if len(made) == 1:
            return made[0][0][place], made[0][1][place]
        inputs = np.empty((len(index), *made[0][0].shape[1:]), made[0][0].dtype)
        targets = np.empty((len(index), *made[0][1].shape[1:]), made[0][1].dtype)
        for k, (block_inputs, block_targets) in enumerate(made):
            here = which == k
            inputs[here], targets[here] = block_inputs[place[here]], block_targets[place[here]]
        return inputs, targets

    def _block(self, number: int) -> tuple[Array, Array]:
        if number not in self._kept:
            self._kept[number] = self.make(number)
        self._kept.move_to_end(number)
        found = self._kept[number]
        while len(self._kept) > max(1, self.kept_bytes // (found[0].nbytes + found[1].nbytes)):
            self._kept.popitem(last=False)
        return found


class Source(ABC):
    """Something to learn, with held-out splits.

    Attributes:
        kind: what its inputs are: `tokens [n, context]`, `images [n, channels, height, width]`, `vectors [n, d]`.
        outputs: numbers a model gives for each prediction: the vocabulary, the classes, or 1.
        loss: `cross_entropy` (nats a prediction) or `squared_error`.

    A source of images or vectors makes one prediction an example, so its runs have a context of 1 and count an example
    as a token.
    """

    name: str
    kind: str = "tokens"
    outputs: int
    loss: str = "cross_entropy"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, for images and vectors."""
        return ()

    @abstractmethod
    def training(self, context: int, count: int, seed: int) -> Examples:
        """`count` examples in the order of `seed`, none twice.

        Raises:
            DataError: where the source has fewer.
        """

    @abstractmethod
    def validation(self, context: int, count: int) -> Examples:
        """Validation examples, the same at every call: `count`, or all that a smaller split has."""

    def held_out(self, context: int, count: int) -> Examples | None:
        """Examples for a last look, or None where `validation` is endless and stands for both."""
        return None

    def truth(self, inputs: Array) -> NDArray[np.float32] | None:
        """The true distribution of every target given the inputs so far, `[n, context, outputs]`, where it is known.

        A validation loss taken against it has the same mean as one taken against the sampled targets, and no noise
        from their sampling.
        """
        return None

    def entropy(self, context: int) -> float | None:
        """The least loss any model can reach at this context, where it is known: nats or squared error."""
        return None

    @abstractmethod
    def facts(self) -> Mapping[str, object]:
        """Source, licence, size and sha256 of the content, for the record of a run."""


class Corpus(Source):
    """A source of tokens."""

    vocab: int

    @property
    def outputs(self) -> int:  # type: ignore[override]
        """The vocabulary."""
        return self.vocab
