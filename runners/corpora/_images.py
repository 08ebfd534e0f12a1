"""The hand-written digits that scikit-learn ships, in three splits by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from runners.corpora._bytes import split_of
from runners.corpora.base import Array, Examples, Rows
from scalelaw.errors import DataError, MissingExtraError

LEVELS = 17


@cache
def digits() -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """For each split: images `[n, 64]` of levels 0 to 16 and labels `[n]`, each distinct image once."""
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("The digits", "images") from None
    found = load_digits()
    images, first = np.unique(found.data.astype(np.uint8), axis=0, return_index=True)
    labels = found.target[first].astype(np.uint8)
    splits = np.array([split_of(hashlib.sha256(image.tobytes()).hexdigest()) for image in images])
    return {split: (images[splits == split], labels[splits == split]) for split in ("train", "validation", "held_out")}


def sampled(inputs: Array, targets: Array, count: int, rng: np.random.Generator) -> Examples:
    """`count` of the rows in a random order, or all of them."""
    order = rng.permutation(len(inputs))[:count]
    return Rows(inputs[order], targets[order])


def shuffled(name: str, inputs: Array, targets: Array, count: int, seed: int) -> Examples:
    """`count` of the rows to train on; `DataError` where there are fewer."""
    if count > len(inputs):
        raise DataError(
            "E_DATA_TOO_SMALL",
            f"the corpus {name} has {len(inputs):,} images to train on, fewer than the {count:,} wanted",
            remedy=f"repeat them on purpose: unique_tokens = {len(inputs)}",
        )
    return sampled(inputs, targets, count, np.random.default_rng([seed, 7]))


def facts() -> Mapping[str, object]:
    """Source, licence, version, sizes and hash."""
    from sklearn import __version__  # type: ignore[import-untyped]

    digest = hashlib.sha256(b"".join(part.tobytes() for split in digits().values() for part in split)).hexdigest()
    return {
        "source": "scikit-learn's load_digits: the test set of UCI's Optical Recognition of Handwritten Digits",
        "licence": "CC BY 4.0 (Alpaydin & Kaynak 1998, doi 10.24432/C50P49)",
        "version": f"scikit-learn {__version__}",
        **{f"{split}_images": len(images) for split, (images, _) in digits().items()},
        "sha256": digest,
    }
