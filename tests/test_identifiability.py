"""What runs cannot tell: refusals name the parameters, whatever the law, and a loss that rises is no loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.fitting import fit
from scalelaw.identifiability import effects_condition
from scalelaw.runs import RunTable
from tests.conftest import chinchilla_loss, simulated
from tests.truths import TRUTH, exact, law_of


@pytest.mark.parametrize(
    ("column", "names"), [("n_params", "A, alpha, E"), ("n_tokens", "B, beta, E")], ids=["one size", "one D"]
)
def test_the_parameters_that_one_value_of_an_input_confounds_are_named(column: str, names: str) -> None:
    table = simulated(30)
    one = replace(table, **{column: np.full(30, 1e9)})
    one = replace(one, loss=chinchilla_loss(one.n_params, one.n_tokens))
    with pytest.raises(DataError, match=f"3 needed to tell {names} apart"):
        fit("chinchilla", one)


@pytest.mark.parametrize("label", TRUTH)
def test_every_law_refuses_one_value_of_an_input_in_words(label: str) -> None:
    table, law = exact(label), law_of(label)
    name = law.continuous[0]
    constant = np.full(len(table), float(np.asarray(table.column(name), dtype=float)[0]))
    if name in table.extras:
        one = replace(table, extras={**table.extras, name: constant})
    else:
        one = replace(table, **{name: constant})
    with pytest.raises(DataError) as caught:
        fit(law, one)
    assert caught.value.code in ("E_UNIDENTIFIED", "E_NO_VARIATION")


def test_a_loss_that_rises_with_size_is_refused_and_a_flat_one_is_at_its_bound() -> None:
    rng = np.random.default_rng(0)
    N, D = (np.exp(rng.uniform(np.log(2e7), np.log(2e9), 40)) for _ in range(2))
    noise = np.exp(0.005 * rng.standard_normal(40))
    rising = RunTable.of(n_params=N, n_tokens=D, loss=(2 + 0.2 * np.log10(N)) * noise)
    with pytest.raises(DataError, match=r"rises with n_params .* alpha at its bound") as caught:
        fit("chinchilla", rising)
    assert caught.value.code == "E_WRONG_SIGN"
    flat = RunTable.of(n_params=N, n_tokens=D, loss=(1.8 + 2085 * D**-0.3658) * noise)
    assert fit("chinchilla", flat).certificate.converged


def test_the_condition_of_the_effects_is_that_of_finite_differences() -> None:
    made = fit("chinchilla", simulated(40))
    inputs = made.law.read(made.runs)
    steps = np.log(made.natural) + 1e-6 * np.stack([np.eye(5), -np.eye(5)])
    up, down = np.log([[made.law.predict(np.exp(row)[None], inputs)[0] for row in side] for side in steps])
    effects = (up - down).T / 2e-6
    wanted = np.linalg.cond(effects / np.linalg.norm(effects, axis=0))
    found = effects_condition(made.law, made.theta, made.problem.z, made.centre)
    assert found == pytest.approx(wanted, rel=1e-4)
