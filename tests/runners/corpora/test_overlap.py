"""The overlap counts exactly the windows of 64 that stand in both texts."""

from __future__ import annotations

import numpy as np
import pytest

from runners.corpora import _overlap
from runners.corpora._overlap import SPAN, beginning, overlap


def direct(training: np.ndarray, validation: np.ndarray) -> float:
    """By comparing every window's bytes."""
    seen = {training[i : i + SPAN].tobytes() for i in range(len(training) - SPAN + 1)}
    found = [validation[i : i + SPAN].tobytes() in seen for i in range(len(validation) - SPAN + 1)]
    return float(np.mean(found))


@pytest.mark.parametrize("chunk", [100, 2**20])
@pytest.mark.parametrize("symbols", [2, 200])
def test_it_is_the_share_found_by_comparing_every_window(
    symbols: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_overlap, "CHUNK", chunk)
    rng = np.random.default_rng(0)
    training = rng.integers(0, symbols, 3000).astype(np.uint8)
    validation = rng.integers(0, symbols, 1000).astype(np.uint8)
    validation[100:350] = training[2000:2250]
    validation[600:663] = training[10:73]  # one token short of a window
    assert overlap([training], [validation]) == direct(training, validation)
    assert overlap([training], [validation]) == pytest.approx(
        187 / 937, abs=0.01
    )  # of two symbols some match by chance


def test_texts_in_parts_share_no_window_across_their_ends() -> None:
    text = np.random.default_rng(1).integers(0, 50, 1000).astype(np.uint16)
    assert overlap([text], [text]) == 1.0
    assert overlap([text[:500], text[500:]], [text]) == pytest.approx((2 * 437) / 937)


def test_a_text_too_short_for_a_window_has_none() -> None:
    assert overlap([np.zeros(1000, np.uint8)], [np.zeros(SPAN - 1, np.uint8)]) is None
    assert overlap([], [np.zeros(SPAN, np.uint8)]) == 0.0


def test_the_beginning_of_several_texts_stops_within_one_of_them() -> None:
    parts = [np.arange(5), np.arange(5, 8), np.arange(8, 20), np.arange(20, 25)]
    assert np.concatenate(list(beginning(parts, 11))).tolist() == list(range(11))
