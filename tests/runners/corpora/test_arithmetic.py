"""Every line of the arithmetic is right, and no problem is in two splits."""

from __future__ import annotations

import numpy as np
import pytest

from runners.corpora.arithmetic import KIND, SYMBOLS, split_of
from tests.runners.corpora.conftest import everything, windows


def lines(split: str, count: int = 3000, seed: int = 0) -> list[str]:
    """Whole lines of the windows of a split."""
    examples = KIND.training(64, count, seed) if split == "training" else getattr(KIND, split)(64, count)
    texts = ["".join(SYMBOLS[symbol] for symbol in window) for window in windows(examples)]
    return [line for text in texts for line in text.split("\n")[1:-1]]


@pytest.mark.parametrize("split", ["training", "validation", "held_out"])
def test_every_answer_is_right(split: str) -> None:
    found = lines(split)
    assert len(found) > 3000
    for line in found:
        problem, answer = line.split("=")
        assert eval(problem) == int(answer) >= 0
    assert {line[len(line.split("=")[0].rstrip("0123456789")) - 1] for line in found} == set("+-*")


def test_no_problem_is_in_two_splits() -> None:
    problems = {
        split: {line.split("=")[0] for line in lines(split)} for split in ("training", "validation", "held_out")
    }
    assert problems["training"].isdisjoint(problems["validation"] | problems["held_out"])
    assert problems["validation"].isdisjoint(problems["held_out"])


def test_a_sixteenth_of_all_problems_is_kept_from_training() -> None:
    a, b = np.divmod(np.arange(10**6), 1000)
    kept = split_of(np.stack([a, a % 3, b], axis=1))
    assert np.mean(kept < 2) == pytest.approx(1 / 16, abs=0.002)


def test_a_longer_run_begins_like_a_shorter_one_and_seeds_differ() -> None:
    first, _ = everything(KIND.training(32, 100, seed=0))
    np.testing.assert_array_equal(first, everything(KIND.training(32, 1000, seed=0))[0][:100])
    assert not np.array_equal(first, everything(KIND.training(32, 100, seed=1))[0])
