"""A law carried over by a few runs."""

from __future__ import annotations

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.fitting import fit
from scalelaw.loss2loss import extrapolate, translate
from scalelaw.loss2loss.relating import KAPLAN, fit_surface
from scalelaw.results import Interval, Unavailable
from tests.loss2loss.sweeps import E_X, E_Y, KAPPA, K, grid, loss_x, loss_y, sweeps

FAR = (5e9, 2e11)


def few(noise: float = 0.0) -> sl.RunTable:
    n_params, n_tokens = (np.array(v) for v in ([3e7, 3e7, 3e8, 3e8, 1e8], [6e8, 6e9, 6e8, 6e9, 2e9]))
    loss = loss_y(loss_x(n_params, n_tokens)) * np.exp(noise * np.random.default_rng(1).standard_normal(5))
    return sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss)


def test_five_small_runs_carry_a_law_where_they_alone_do_not_reach() -> None:
    runs = few()
    truth = float(loss_y(loss_x(np.array(FAR[0]), np.array(FAR[1]))))
    carried = translate(fit_surface(sweeps()[0], "chinchilla", starts=16), runs, "free").predict(*FAR)[0]
    direct = extrapolate(runs, *FAR)
    assert not isinstance(direct, Unavailable)
    assert carried == pytest.approx(truth, rel=1e-3)
    assert abs(direct[0] / truth - 1) > 0.05


def test_kaplans_form_survives_translation_with_the_published_constants() -> None:
    """A' and the others, put into the form itself, give what the relation gives."""
    n_params, n_tokens = grid()
    loss = 1.9 + ((7e7 / n_params) ** (0.41 / 0.45) + 9e8 / n_tokens) ** 0.45
    surface = fit(KAPLAN, sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss), starts=16)
    y = sl.RunTable.of(n_params=n_params[:8], n_tokens=n_tokens[:8], loss=0.8 * (loss[:8] - 1.9) ** 1.2 + 1.1)
    carried = translate(surface, y, "free")
    named = carried.natural
    assert named is not None
    natural = np.array([[named[name] for name in surface.law.names]])
    written = surface.law.predict(natural, np.array([FAR]))[0, 0]
    assert written == pytest.approx(carried.predict(*FAR)[0], rel=1e-9)
    old, new = (values["beta"] / (values["alpha"] + values["beta"]) for values in (surface.estimate, named))
    assert new == pytest.approx(old, rel=1e-12)  # the exponent of N_opt(C) is that of x


def test_the_interval_of_a_translation_holds_a_new_run() -> None:
    truth = float(loss_y(loss_x(np.array(FAR[0]), np.array(FAR[1]))))
    surface = fit_surface(sweeps(0.003)[0], "chinchilla", starts=8)
    found = translate(surface, few(0.003), "free").prediction_interval(*FAR, replicates=100)
    assert isinstance(found, Interval)
    assert found.contains(truth)
    assert found.high / found.low < 1.4


def test_two_runs_carry_nothing() -> None:
    with pytest.raises(sl.DataError, match="K and E_y need 3 runs; found 2"):
        translate(fit_surface(sweeps()[0], "chinchilla", starts=8), few().take([0, 1]))


def test_runs_that_cannot_be_extrapolated_say_why() -> None:
    assert isinstance(extrapolate(few().take([0, 0, 0]), *FAR), Unavailable)


def test_a_held_kappa_stays_and_the_others_are_least_squares() -> None:
    """With the true kappa K and E_y are exact; by default it is 1."""
    surface = fit_surface(sweeps()[0], "chinchilla", starts=16)
    np.testing.assert_allclose(translate(surface, few(), KAPPA).values, [KAPPA, K, E_X, E_Y], rtol=1e-4)
    assert translate(surface, few()).values[0] == 1.0


def test_an_interval_with_kappa_held_is_narrower() -> None:
    surface = fit_surface(sweeps(0.003)[0], "chinchilla", starts=8)
    ways = (translate(surface, few(0.003), kappa) for kappa in (1.1, "free"))
    held, free = (way.prediction_interval(*FAR, replicates=60) for way in ways)
    assert isinstance(held, Interval)
    assert isinstance(free, Interval)
    assert held.high - held.low < free.high - free.low
