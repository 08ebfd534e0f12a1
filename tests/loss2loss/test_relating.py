"""A relation that is there is found."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.loss2loss import pair_runs, relate
from tests.loss2loss.sweeps import E_X, E_Y, KAPPA, K, loss_y, sweeps

TRUTH = [KAPPA, K, E_X, E_Y]


def test_given_irreducible_losses_kappa_and_k_are_exact() -> None:
    relation = relate(pair_runs(*sweeps()), (E_X, E_Y))
    np.testing.assert_allclose(relation.values, TRUTH, rtol=1e-10)
    assert relation.r_squared == pytest.approx(1.0, abs=1e-12)


def test_free_irreducible_losses_are_found_with_the_rest() -> None:
    relation = relate(pair_runs(*sweeps()), "free", starts=16)
    np.testing.assert_allclose(relation.values, TRUTH, rtol=1e-4)


def test_the_surface_of_a_true_law_gives_its_irreducible_loss() -> None:
    relation = relate(pair_runs(*sweeps()), law="chinchilla", starts=16)
    assert relation.value("E_x") == pytest.approx(E_X, rel=1e-5)
    assert relation.predict(3.0)[0] == pytest.approx(loss_y(np.array(3.0)), rel=5e-3)  # y's form is near Chinchilla's


def test_a_relation_and_its_inverse_undo_each_other() -> None:
    """Without noise, x from y of y from x is x."""
    x, y = sweeps()
    there, back = relate(pair_runs(x, y), (E_X, E_Y)), relate(pair_runs(y, x), (E_Y, E_X))
    np.testing.assert_allclose(back.predict(there.predict([2.5, 3.0])), [2.5, 3.0], rtol=1e-10)


def test_a_loss_related_to_itself_has_kappa_and_k_one() -> None:
    x, _ = sweeps(0.01)
    relation = relate(pair_runs(x, x), starts=8)
    np.testing.assert_allclose(relation.values[:2], 1.0, rtol=1e-10)


def test_an_irreducible_loss_above_a_loss_is_refused_with_both_numbers() -> None:
    with pytest.raises(sl.DataError, match="E_x = 9 nats/token is not below the least paired loss"):
        relate(pair_runs(*sweeps()), (9.0, 1.0))


def test_a_loss_below_the_irreducible_has_no_prediction() -> None:
    assert np.isnan(relate(pair_runs(*sweeps()), (E_X, E_Y)).predict(E_X - 0.1)[0])


def test_a_law_without_irreducible_loss_is_no_surface() -> None:
    with pytest.raises(sl.UsageError, match="with a parameter E"):
        relate(pair_runs(*sweeps()), law="power_law(n_tokens)")
