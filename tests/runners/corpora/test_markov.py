"""The Markov source knows its own distribution: what it says agrees with what it emits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from runners.corpora.markov import Markov
from runners.spec import TrainSpec
from runners.training import Validation

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
    windows = SMALL.training(CONTEXT, count, seed=0).astype(int)
    expected = SMALL.stationary.ravel()
    for t in (0, CONTEXT - 1):
        met = np.bincount(windows[:, t] * SMALL.vocab + windows[:, t + 1], minlength=SMALL.vocab**2)
        chi_squared = ((met - count * expected) ** 2 / (count * expected)).sum()
        freedom = SMALL.vocab**2 - 1
        assert abs(chi_squared - freedom) < 5 * np.sqrt(2 * freedom)


def test_each_symbol_follows_its_pair_as_often_as_its_probability_says() -> None:
    windows = SMALL.training(CONTEXT, 40_000, seed=1).astype(int)
    met = np.zeros((SMALL.vocab,) * 3)
    np.add.at(met, (windows[:, :-2].ravel(), windows[:, 1:-1].ravel(), windows[:, 2:].ravel()), 1)
    pairs = met.sum(axis=2, keepdims=True)
    expected = pairs * SMALL.transition
    z = (met - expected) / np.sqrt(expected * (1 - SMALL.transition))
    assert np.abs(z[expected > 30]).max() < 5


def test_the_truth_sums_to_one() -> None:
    truth = SMALL.truth(SMALL.validation(CONTEXT, 50))
    assert truth.shape == (50, CONTEXT, SMALL.vocab)
    np.testing.assert_allclose(truth.sum(axis=2), 1.0, atol=1e-6)


def test_the_entropy_is_the_mean_surprise_of_samples() -> None:
    """-log p of the sampled targets, a window at a time: within four standard errors."""
    windows = SMALL.training(CONTEXT, 20_000, seed=2)
    p = np.take_along_axis(SMALL.truth(windows), windows[:, 1:, None].astype(int), axis=2)[:, :, 0]
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
    windows = SMALL.validation(CONTEXT, 2048)
    loss = _validation(lambda tokens: _true_logits(tokens))
    truth = SMALL.truth(windows).astype(float)
    each = -(truth * np.log(truth)).sum(axis=2).mean(axis=1)
    assert loss == pytest.approx(each.mean(), abs=1e-6)
    assert abs(loss - SMALL.entropy(CONTEXT)) < 4 * each.std(ddof=1) / np.sqrt(len(each))


def test_no_other_distribution_has_a_lower_validation_loss() -> None:
    best = _validation(lambda tokens: _true_logits(tokens))
    for scale in (0.9, 1.1):
        assert _validation(lambda tokens, scale=scale: scale * _true_logits(tokens)) > best


def _validation(forward) -> float:  # type: ignore[no-untyped-def]
    spec = TrainSpec("markov", 16, 1, n_tokens=2**12, context=CONTEXT, val_tokens=2048 * CONTEXT)
    return Validation(spec, SMALL, "cpu")(forward)


def _true_logits(tokens_BT: torch.Tensor) -> torch.Tensor:
    targets = torch.zeros(len(tokens_BT), 1, dtype=tokens_BT.dtype)
    return torch.from_numpy(SMALL.truth(torch.cat([tokens_BT, targets], dim=1).numpy())).log()


def test_samples_are_the_seed_s_and_never_those_of_validation() -> None:
    training = SMALL.training(CONTEXT, 500, seed=0)
    np.testing.assert_array_equal(training, SMALL.training(CONTEXT, 500, seed=0))
    np.testing.assert_array_equal(SMALL.validation(CONTEXT, 500), SMALL.validation(CONTEXT, 500))
    others = [SMALL.training(CONTEXT, 500, seed=1), SMALL.validation(CONTEXT, 500)]
    seen = {window.tobytes() for window in training}
    assert not any(window.tobytes() in seen for other in others for window in other)


def test_the_shipped_source_keeps_its_definition() -> None:
    """Runs logged on it are comparable only while this holds."""
    source = Markov()
    assert source.entropy(32) == pytest.approx(2.436981047223271, rel=1e-9)
    assert (source.name, source.vocab) == ("markov", 64)
    assert source.facts() == Markov().facts()
