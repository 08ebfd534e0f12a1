"""Constraints: what they say holds, derivatives stay exact, and the fit is the one without the constraint's cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalelaw.errors import UsageError
from scalelaw.fit_file import load_fit
from scalelaw.fitting import fit
from scalelaw.laws import LAWS, Law, constrain, get_law
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, simulated
from tests.laws.differences import assert_exact_derivatives

RUNS = simulated(40)

LABELS = [
    "chinchilla[E=1.69]",
    "chinchilla[alpha=0.34]",
    "chinchilla[A=482]",
    "chinchilla[beta=alpha]",
    "chinchilla[E=1.8, beta=1.05 * alpha, 100<A<1000]",
    "chinchilla[B=4 * A, alpha=0.95 * beta]",
    "chinchilla[alpha=log(A) / 18]",
    "chinchilla[1<E<2, 10<A<1000, alpha<0.6, B>100, 0.1<beta<1]",
    "kaplan[alpha_N=0.076]",
    "kaplan[D_c=2 * N_c]",
    "kaplan[alpha_D=alpha_N]",
    "kaplan[0.01<alpha_N<0.5]",
    "E + A / N^alpha + B / D^beta [E=1.69, beta=alpha, 0.1<alpha<1]",
    "E + A / N^alpha + B / D^beta [A=482, B=5 * A]",
]


def around(law: Law) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three working points near plausible natural parameters, the coordinates of `RUNS` and their centre."""
    inputs = law.read(RUNS)
    centre = law.centre(inputs)
    guesses = {"A": 482.0, "B": 2085.0, "E": 1.8, "N_c": 6e13, "D_c": 2e13, "alpha_N": 0.076, "alpha_D": 0.1}
    natural = np.array([[guesses.get(name, 0.35 + 0.01 * i) for i, name in enumerate(law.names)]])
    theta = law.working(natural, centre) * np.array([[1.0], [0.98], [1.03]])
    return theta, law.coordinates(inputs, centre), centre


@pytest.mark.parametrize("label", LABELS)
def test_a_label_brings_the_same_law_back(label: str) -> None:
    law = get_law(label)
    again = get_law(law.label)
    assert again.label == law.label
    assert again.params == law.params
    theta, z, _ = around(law)
    np.testing.assert_array_equal(again.log_loss(theta, z), law.log_loss(theta, z))


@pytest.mark.parametrize("label", LABELS)
def test_the_constrained_law_is_the_law_at_the_completed_parameters(label: str) -> None:
    law = get_law(label)
    theta, z, centre = around(law)
    natural = law.natural(theta, centre)
    base = law.base.predict(law.complete(natural), law.base.read(RUNS))
    np.testing.assert_allclose(np.exp(law.log_loss(theta, z)), base, rtol=1e-12)
    np.testing.assert_allclose(law.predict(natural, law.read(RUNS)), base, rtol=1e-12)


@pytest.mark.parametrize("label", LABELS)
def test_natural_and_working_parameters_are_inverse(label: str) -> None:
    law = get_law(label)
    theta, _, centre = around(law)
    np.testing.assert_allclose(law.working(law.natural(theta, centre), centre), theta, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("label", LABELS)
def test_derivatives_agree_with_finite_differences(label: str) -> None:
    law = get_law(label)
    theta, z, _ = around(law)
    assert_exact_derivatives(law, theta, z)


@pytest.mark.parametrize("label", LABELS)
def test_exact_runs_give_back_the_free_parameters(label: str) -> None:
    law = get_law(label)
    theta, _, centre = around(law)
    truth = law.natural(theta[:1], centre)
    result = fit(law, exact(law, truth), "log_least_squares", starts=12)
    np.testing.assert_allclose(result.natural, truth[0], rtol=1e-4)
    low, high = np.array([[param.low, param.high] for param in law.params]).T
    assert ((result.natural >= low) & (result.natural <= high)).all()


def exact(law: Law, natural: np.ndarray) -> RunTable:
    """Runs on the curve but for a scatter of 1e-7, which tells an optimum from rounding."""
    loss = law.predict(natural, law.read(RUNS))[0] * np.exp(1e-7 * np.random.default_rng(0).normal(size=len(RUNS)))
    return RunTable.of(n_params=RUNS.n_params, n_tokens=RUNS.n_tokens, loss=loss)


@pytest.mark.parametrize("name", ["E", "A", "alpha", "B", "beta"])
@pytest.mark.parametrize("base", ["chinchilla", "E + A / N^alpha + B / D^beta"])
def test_holding_a_parameter_at_its_estimate_changes_nothing_else(base: str, name: str) -> None:
    free = fit(base, RUNS, "log_least_squares", starts=16)
    held = fit(constrain(base, fix={name: free.value(name)}), RUNS, "log_least_squares", starts=16)
    assert name not in held.estimate
    assert held.law.fixed[name] == free.value(name)
    for other, value in held.estimate.items():
        assert value == pytest.approx(free.value(other), rel=1e-5), other
    optima = [np.stack(some.law.optimum(some.natural[None], 1e21)) for some in (free, held)]
    np.testing.assert_allclose(optima[0], optima[1], rtol=1e-5)


def test_a_tie_agrees_with_the_law_that_is_written_so() -> None:
    tied = fit("chinchilla[beta=alpha]", RUNS, "log_huber")
    written = fit("E + A / N^alpha + B / D^alpha", RUNS, "log_huber")
    assert tied.certificate.objective == pytest.approx(written.certificate.objective, rel=1e-10)
    for name, value in tied.estimate.items():
        assert value == pytest.approx(written.value(name), rel=1e-6), name


def test_a_bound_is_reached_reported_and_not_passed() -> None:
    result = fit("chinchilla[E<1.5]", RUNS, "log_huber", starts=8)
    assert result.value("E") == 1.5
    assert result.certificate.active_bounds == ("E",)
    assert result.certificate.converged
    assert fit("chinchilla[A<100]", RUNS, "log_huber", starts=8).value("A") == pytest.approx(100.0, rel=1e-12)


def test_held_parameters_are_stated_with_their_reason() -> None:
    law = get_law("chinchilla[E=1.69, beta=2 * alpha]")
    assert law.held(np.array([400.0, 0.3, 900.0])) == {"E": (1.69, "fixed"), "beta": (0.6, "= 2 * alpha")}
    formula = get_law("E + A / N^alpha [E=1.69]")
    assert formula.held(np.array([400.0, 0.3])) == {"E": (1.69, "fixed")}


def test_constraints_add_up_and_a_range_gives_way_to_a_value() -> None:
    law = constrain(constrain("chinchilla", fix={"E": 1.7}), tie={"beta": "alpha"})
    assert law.label == "chinchilla[E=1.7, beta=alpha]"
    assert constrain(get_law("chinchilla[0.1<alpha<1]"), fix={"alpha": 0.3}).label == "chinchilla[alpha=0.3]"
    assert constrain("chinchilla", tie={"beta": "1 / 2"}).fixed == {"beta": 0.5}
    chain = get_law("chinchilla[alpha=beta / 2, B=A * alpha]").complete(np.array([[1.8, 400.0, 0.3]]))
    np.testing.assert_allclose(chain, [[1.8, 400.0, 0.15, 60.0, 0.3]])


def test_a_saved_fit_comes_back_with_its_constraints(tmp_path: Path) -> None:
    result = fit("chinchilla[E=1.8, beta=alpha, 0.1<alpha<1]", RUNS)
    result.save(tmp_path / "law.json")
    loaded = load_fit(tmp_path / "law.json")
    assert loaded.law.label == result.law.label
    assert loaded.estimate == result.estimate
    np.testing.assert_array_equal(loaded.residuals, result.residuals)


def test_a_fixed_truth_narrows_what_is_left() -> None:
    """The exponents are known better when E is: the degrees of freedom count only what is free."""
    free, held = fit("chinchilla", RUNS), fit(constrain("chinchilla", fix={"E": CHINCHILLA["E"]}), RUNS)
    assert len(held.law.params) == 4
    assert held.certificate.lambda_min > free.certificate.lambda_min


@settings(max_examples=40, deadline=None)
@given(
    fix=st.floats(0.01, 1e6, allow_nan=False),
    low=st.floats(0.0, 1.0, allow_nan=False),
    width=st.floats(1e-3, 4.0, allow_nan=False),
)
def test_numbers_survive_the_label(fix: float, low: float, width: float) -> None:
    law = constrain("chinchilla", fix={"A": fix}, bounds={"alpha": (low, low + width)})
    again = get_law(law.label)
    assert again.fixed == {"A": fix}
    assert again.params == law.params


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("chinchilla[F=1]", "Unknown parameter 'F' of chinchilla. Known: E, A, alpha, B, beta"),
        ("chinchilla[E=1, E=2]", "E is set twice"),
        ("chinchilla[E=-1]", "E of chinchilla lies between 0 and inf; fixed at -1"),
        ("chinchilla[E=gamma]", "'gamma' is none of its parameters"),
        ("chinchilla[E=N]", "'N' is none of its parameters"),
        ("chinchilla[alpha=beta, beta=alpha]", "alpha, beta are tied in a circle"),
        ("chinchilla[alpha=alpha]", "alpha are tied in a circle"),
        ("chinchilla[alpha]", "'alpha' is not a constraint"),
        ("chinchilla[1<alpha<0.5]", "Next: give a low end below the high end"),
        ("chinchilla[E=1, E<2]", "E of chinchilla is held twice"),
        ("chinchilla[A=0]", "A of chinchilla cannot be held so"),
        ("chinchilla[E=1, A=2, alpha=3, B=4, beta=5]", "No parameter of chinchilla is left to fit"),
        ("chinchilla[beta=__import__(1)]", "A formula may not hold"),
        ("chinchilla E=1]", "ends in a bracket that nothing opens"),
        ("chinchilla{E=1]", "is closed by"),
        ('chinchilla[E="]', "A quote is opened and not closed"),
        ("chinchila[E=1]", "Unknown law 'chinchila'"),
    ],
)
def test_what_is_no_constraint_is_answered_with_the_part_that_is_off(label: str, message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        get_law(label)
    assert message in str(refusal.value)


def test_what_is_held_cannot_be_held_again() -> None:
    with pytest.raises(UsageError, match="E is held already"):
        constrain(get_law("chinchilla[E=1.7]"), bounds={"E": (1.0, 2.0)})


@pytest.mark.parametrize("name", [law.name for law in LAWS if {*law.inputs} <= {"n_params", "n_tokens", "flops"}])
def test_every_law_can_be_held_in_any_one_parameter(name: str) -> None:
    """Fixed where a start of the law has it, the others move the curve exactly as they did."""
    law = get_law(name)
    inputs = law.read(RUNS)
    centre = law.centre(inputs)
    z = law.coordinates(inputs, centre)
    theta = law.starts(z, np.asarray(RUNS.loss), 20, np.random.default_rng(3))
    natural = law.natural(theta[np.isfinite(law.log_loss(theta, z)).all(axis=1)][:1], centre)
    for i, parameter in enumerate(law.names):
        held = constrain(law, fix={parameter: natural[0, i]})
        psi = held.working(np.delete(natural, i, axis=1), centre)
        z_held = held.coordinates(inputs, held.centre(inputs))
        np.testing.assert_allclose(np.exp(held.log_loss(psi, z_held)), law.predict(natural, inputs), rtol=1e-8)
        assert_exact_derivatives(held, psi, z_held)
