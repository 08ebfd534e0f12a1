"""Chains of any order know their entropy and every conditional, the early ones included."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from runners.corpora import CORPORA
from runners.corpora.chain import Chain
from runners.corpora.markov import Markov
from scalelaw.errors import UsageError
from tests.runners.corpora.conftest import everything, windows

CONTEXT = 6


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_chances_of_all_windows_sum_to_one_and_their_entropy_is_the_floor(order: int) -> None:
    """Every window of 3 symbols and 6 targets, one by one: sum p = 1 and -sum p ln P(targets | first) / T."""
    chain = Chain(order=order, vocab=3)
    every = np.array(list(itertools.product(range(3), repeat=CONTEXT + 1)))
    truth = chain.truth(every[:, :-1])
    each = np.take_along_axis(truth, every[:, 1:, None], axis=2)[..., 0].astype(float)
    first = chain.stationary.sum(axis=tuple(range(1, order)))[every[:, 0]]
    p = first * each.prod(axis=1)
    assert p.sum() == pytest.approx(1.0, abs=1e-6)
    assert -(p * np.log(each).sum(axis=1)).sum() / CONTEXT == pytest.approx(chain.entropy(CONTEXT), abs=1e-6)


@pytest.mark.parametrize("order", [1, 3])
def test_samples_surprise_by_the_entropy(order: int) -> None:
    """Within four standard errors."""
    chain = Chain(order=order, vocab=8)
    inputs, targets = everything(chain.training(CONTEXT, 20_000, seed=0))
    p = np.take_along_axis(chain.truth(inputs), targets[..., None].astype(int), axis=2)[..., 0]
    surprise = -np.log(p.astype(float)).mean(axis=1)
    assert abs(surprise.mean() - chain.entropy(CONTEXT)) < 4 * surprise.std(ddof=1) / np.sqrt(len(surprise))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_stationary_distribution_is_stationary(order: int) -> None:
    chain = Chain(order=order, vocab=7)
    joint = chain.stationary[..., None] * chain.transition
    np.testing.assert_allclose(joint.sum(axis=0), chain.stationary, atol=1e-14)


def test_order_two_is_the_shipped_source() -> None:
    chain, shipped = Chain(order=2, vocab=12), Markov(vocab=12)
    np.testing.assert_array_equal(chain.transition, shipped.transition)
    assert chain.facts() == shipped.facts()
    assert chain.entropy(32) == shipped.entropy(32)


def test_contexts_shorter_than_the_order_read_what_there_is() -> None:
    chain = Chain(order=4, vocab=3)
    assert chain.entropy(2) == pytest.approx(sum(chain.entropies[:2]) / 2)
    assert windows(chain.training(2, 10, seed=0)).shape == (10, 3)
    assert chain.truth(np.zeros((5, 2), np.uint8)).shape == (5, 2, 3)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    chain = Chain()
    np.testing.assert_array_equal(
        windows(chain.training(8, 100, seed=1)), windows(chain.training(8, 3000, seed=1))[:100]
    )


def test_a_chain_is_named_by_its_numbers() -> None:
    chain = CORPORA["chain:order=1|vocab=5|zipf=0"]
    assert isinstance(chain, Chain)
    assert (chain.order, chain.vocab, chain.zipf, chain.name) == (1, 5, 0.0, "chain:order=1|vocab=5|zipf=0")
    with pytest.raises(UsageError, match=r"at most [\d,]+ probabilities; found order 9 over 64 symbols"):
        CORPORA["chain:order=9|vocab=64"]
