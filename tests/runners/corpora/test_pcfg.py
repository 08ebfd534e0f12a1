"""The grammar's entropy and truth are exact: on small grammars every sentence is counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from runners.corpora.pcfg import Grammar
from scalelaw.errors import UsageError
from tests.runners.corpora.conftest import everything

SMALL = Grammar(symbols=3, rules=2, depth=2, zipf=0.7)


def sentences(grammar: Grammar) -> dict[tuple[int, ...], float]:
    """Every sentence with its probability, from every derivation; written without the class's own methods."""
    found: dict[tuple[int, ...], float] = {}

    def expand(level: int, symbols: list[int], p: float) -> None:
        if level == grammar.depth:
            found[tuple(symbols)] = found.get(tuple(symbols), 0.0) + p
            return
        for rules in itertools.product(range(grammar.rules), repeat=len(symbols)):
            pairs = [int(grammar.pairs[level, x, r]) for x, r in zip(symbols, rules, strict=True)]
            below = [symbol for pair in pairs for symbol in divmod(pair, grammar.symbols)]
            expand(level + 1, below, p * float(np.prod(grammar.rule_shares[list(rules)])))

    for x, share in enumerate(grammar.first_shares):
        expand(0, [x], float(share))
    return found


def test_the_entropy_is_that_of_all_its_sentences() -> None:
    p = np.array(list(sentences(SMALL).values()))
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    for count in (1, 3):
        assert SMALL.entropy(count * SMALL.length) == pytest.approx(-(p * np.log(p)).sum() / SMALL.length, abs=1e-12)


def test_every_sentence_has_one_derivation() -> None:
    assert len(sentences(SMALL)) == SMALL.symbols * SMALL.rules**3
    for pairs in Grammar().pairs:
        assert len(np.unique(pairs)) == pairs.size


def test_the_truth_is_the_conditional_distribution_of_all_sentences() -> None:
    """P(x_t | x_1 ... x_t-1) by summing the probabilities of the sentences that begin so."""
    every = sentences(SMALL)
    words, p = np.array(list(every)), np.array(list(every.values()))
    inputs = np.concatenate([np.full((len(words), 1), SMALL.symbols), words[:, :-1]], axis=1)
    truth = SMALL.truth(inputs)
    for i, word in enumerate(words):
        for t in range(SMALL.length):
            begins = (words[:, :t] == word[:t]).all(axis=1)
            expected = np.bincount(words[begins, t], weights=p[begins], minlength=SMALL.vocab) / p[begins].sum()
            np.testing.assert_allclose(truth[i, t], expected, atol=1e-6)


def test_later_sentences_of_a_window_do_not_depend_on_earlier_ones() -> None:
    inputs, _ = everything(SMALL.training(3 * SMALL.length, 50, seed=0))
    truth = SMALL.truth(inputs)
    np.testing.assert_allclose(truth[:, SMALL.length], np.broadcast_to(truth[:1, 0], truth[:, 0].shape), atol=1e-7)
    alone = np.concatenate([np.full((50, 1), SMALL.symbols), inputs[:, SMALL.length + 1 : 2 * SMALL.length]], axis=1)
    np.testing.assert_array_equal(truth[:, SMALL.length : 2 * SMALL.length], SMALL.truth(alone))


@pytest.mark.parametrize("grammar", [Grammar(), Grammar(symbols=8, rules=8, depth=4, zipf=0.0)])
def test_samples_surprise_by_the_entropy(grammar: Grammar) -> None:
    """Within four standard errors; and no sampled target is impossible."""
    inputs, targets = everything(grammar.training(2 * grammar.length, 4000, seed=0))
    assert (inputs[:, 0] == grammar.symbols).all()
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    p = np.take_along_axis(grammar.truth(inputs), targets[..., None].astype(int), axis=2)[..., 0]
    assert (p > 0).all()
    surprise = -np.log(p.astype(float)).mean(axis=1)
    error = surprise.std(ddof=1) / np.sqrt(len(surprise))
    assert abs(surprise.mean() - grammar.entropy(2 * grammar.length)) < max(4 * error, 1e-6)


def test_windows_hold_whole_sentences_only() -> None:
    with pytest.raises(UsageError, match=r"multiple of 4; found 6"):
        SMALL.training(6, 1, seed=0)


def test_more_rules_than_pairs_are_refused() -> None:
    with pytest.raises(UsageError, match=r"found symbols 4, rules 5"):
        Grammar(symbols=4, rules=5)
