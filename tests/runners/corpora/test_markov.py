"""The Markov source knows its own distribution: what it says agrees with what it emits."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from runners.corpora import Array
from runners.corpora.markov import Markov
from runners.spec import TrainSpec
from runners.validation import Validation
from tests.runners.corpora.conftest import everything, windows

SMALL = Markov(vocab=12)
CONTEXT = 16


def test_transitions_are_distributions() -> None:
    assert (SMALL.transition > 0).all()
    np.testing.assert_allclose(SMALL.transition.sum(axis=2), 1.0, atol=1e-12)
    np.testing.assert_allclose(SMALL.first.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("source", [SMALL, Markov(vocab=5, zipf=0.0, pair=3.0, last=0.0), Markov(vocab=2)])
def test_the_stationary_distribution_is_stationary(source: Markov) -> None:
    pi = source.stationary
    assert pi.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(np.einsum("ij,ijk->jk", pi, source.transition), pi, atol=1e-14)


def test_pairs_are_met_as_often_at_the_end_of_a_window_as_pi_says() -> None:
    count = 100_000
    found = windows(SMALL.training(CONTEXT, count, seed=0)).astype(int)
    expected = SMALL.stationary.ravel()
    for t in (0, CONTEXT - 1):
        met = np.bincount(found[:, t] * SMALL.vocab + found[:, t + 1], minlength=SMALL.vocab**2)
        chi_squared = ((met - count * expected) ** 2 / (count * expected)).sum()
        freedom = SMALL.vocab**2 - 1
        assert abs(chi_squared - freedom) < 5 * np.sqrt(2 * freedom)


def test_each_symbol_follows_its_pair_as_often_as_its_probability_says() -> None:
    found = windows(SMALL.training(CONTEXT, 40_000, seed=1)).astype(int)
    met = np.zeros((SMALL.vocab,) * 3)
    np.add.at(met, (found[:, :-2].ravel(), found[:, 1:-1].ravel(), found[:, 2:].ravel()), 1)
    pairs = met.sum(axis=2, keepdims=True)
    expected = pairs * SMALL.transition
    z = (met - expected) / np.sqrt(expected * (1 - SMALL.transition))
    assert np.abs(z[expected > 30]).max() < 5


def test_the_truth_sums_to_one() -> None:
    truth = SMALL.truth(_validation_inputs(50))
    assert truth.shape == (50, CONTEXT, SMALL.vocab)
    np.testing.assert_allclose(truth.sum(axis=2), 1.0, atol=1e-6)


def test_the_entropy_is_the_mean_surprise_of_samples() -> None:
    """-log p of the sampled targets, a window at a time: within four standard errors."""
    inputs, targets = everything(SMALL.training(CONTEXT, 20_000, seed=2))
    p = np.take_along_axis(SMALL.truth(inputs), targets[..., None].astype(int), axis=2)[:, :, 0]
    surprise = -np.log(p.astype(float)).mean(axis=1)
    error = surprise.std(ddof=1) / np.sqrt(len(surprise))
    assert error < 0.005
    assert abs(surprise.mean() - SMALL.entropy(CONTEXT)) < 4 * error


def test_the_entropy_falls_with_context_towards_its_rate() -> None:
    entropies = [SMALL.entropy(context) for context in (1, 2, 8, 64, 10**6)]
    assert entropies == sorted(entropies, reverse=True)
    rate = -np.einsum("ij,ijk->", SMALL.stationary, SMALL.transition * np.log(SMALL.transition))
    assert entropies[-1] == pytest.approx(rate, abs=1e-5)


def test_the_validation_loss_of_the_true_distribution_is_the_entropy() -> None:
    """The contexts are sampled and the targets are not, so the noise is that of H(. | context) over windows."""
    loss = _validation(_true_logits)
    truth = SMALL.truth(_validation_inputs(2048)).astype(float)
    each = -(truth * np.log(truth)).sum(axis=2).mean(axis=1)
    assert loss == pytest.approx(each.mean(), abs=1e-6)
    assert abs(loss - SMALL.entropy(CONTEXT)) < 4 * each.std(ddof=1) / np.sqrt(len(each))


def test_no_other_distribution_has_a_lower_validation_loss() -> None:
    best = _validation(_true_logits)
    for scale in (0.9, 1.1):
        assert _validation(lambda tokens, scale=scale: scale * _true_logits(tokens)) > best


def _validation(forward) -> float:  # type: ignore[no-untyped-def]
    spec = TrainSpec("markov", 16, 1, n_tokens=2**12, context=CONTEXT, val_tokens=2048 * CONTEXT)
    return Validation(spec, SMALL, "cpu")(forward)


def _validation_inputs(count: int) -> Array:
    return everything(SMALL.validation(CONTEXT, count))[0]


def _true_logits(tokens_BT: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(SMALL.truth(tokens_BT.numpy())).log()


def test_samples_are_the_seed_s_and_never_those_of_validation() -> None:
    training = windows(SMALL.training(CONTEXT, 500, seed=0))
    np.testing.assert_array_equal(training, windows(SMALL.training(CONTEXT, 500, seed=0)))
    others = [SMALL.training(CONTEXT, 500, seed=1), SMALL.validation(CONTEXT, 500)]
    seen = {window.tobytes() for window in training}
    assert not any(window.tobytes() in seen for other in others for window in windows(other))


def test_the_shipped_source_keeps_its_definition() -> None:
    """Runs logged on it are comparable only while this holds."""
    source = Markov()
    assert source.entropy(32) == pytest.approx(2.436981047223271, rel=1e-12)
    assert (source.name, source.vocab) == ("markov", 64)


@pytest.mark.parametrize(
    ("vocab", "training", "validation"),
    [(64, "0b0123cf3061dffe", "a03d82d1a873fd65"), (12, "6a3987246b93cce2", "681dfe225f0f674b")],
)
def test_the_shipped_stream_is_the_same_bit_for_bit(vocab: int, training: str, validation: str) -> None:
    """Hashes of 500 windows of inputs and of targets, taken when the shipped runs were made."""
    source = Markov(vocab=vocab)
    for examples, expected in ((source.training(16, 500, 3), training), (source.validation(16, 500), validation)):
        inputs, targets = everything(examples)
        assert hashlib.sha256(inputs.tobytes() + targets.tobytes()).hexdigest()[:16] == expected
