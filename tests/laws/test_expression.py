"""Formulas as text: what they may hold, what is refused, and that nothing in them ever runs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import UsageError
from scalelaw.laws import FormulaLaw, get_law
from scalelaw.laws._expression import MAX_LENGTH, parse
from scalelaw.laws._jets import FUNCTIONS, Jet
from scalelaw.runs import RunTable


def value(text: str, **numbers: float) -> float:
    """A formula of N and the given parameters, at N = 10."""
    expression = parse(text)
    return float(
        expression.evaluate(
            {name: Jet(np.array(10.0)) for name in expression.inputs},
            {name: Jet(np.array(number)) for name, number in numbers.items()},
        ).value
    )


def test_a_formula_knows_its_columns_and_parameters_in_order() -> None:
    expression = parse("E + A / N^alpha + B * column(epochs) / D^beta")
    assert expression.inputs == ("n_params", "epochs", "n_tokens")
    assert expression.parameters == ("E", "A", "alpha", "B", "beta")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + N * 2", 23.0),
        ("a - N / 4", 0.5),
        ("-a^2 + 0 * N", -9.0),
        ("a ** 2 ^ 0.5 + 0 * N", 3.0 ** (2**0.5)),
        ("-(a + N)", -13.0),
        ("exp(log(a)) + N", 13.0),
        ("+a\n + N", 13.0),
    ],
)
def test_arithmetic_is_that_of_the_page(text: str, expected: float) -> None:
    assert value(text, a=3.0) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_numpys(name: str) -> None:
    ours = value(f"{name}(a) + 0 * N", a=0.3)
    numpys = {"ln": np.log, "atan": np.arctan, "softplus": lambda x: np.log1p(np.exp(x))}
    numpys["sigmoid"] = lambda x: 1 / (1 + np.exp(-x))
    assert ours == pytest.approx(float(numpys.get(name, getattr(np, name, None))(0.3)), rel=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(1).__class__.__mro__[1].__subclasses__()", "attribute access"),
        ("N.real + a", "attribute access"),
        ("f'{dict:\\x7B__fstring__.__class__.s\\x7D}'", "JoinedStr|not a formula"),
        ("f'{N}' + a", "JoinedStr"),
        ("__import__('os').mkdir('made')", "__import__"),
        ("eval('N')", "a call of eval"),
        ("exp(N, a)", "a call of exp"),
        ("exp(x=N) + a", "a call of exp"),
        ("exp(*N) + a", "Starred"),
        ("N[0] + a", "a subscript"),
        ("(lambda: a)() + N", "a function definition"),
        ("[a for a in N]", "ListComp"),
        ("a if N else a", "IfExp"),
        ("a < N", "a comparison"),
        ("(a := N)", "an assignment"),
        ("a and N", "BoolOp"),
        ("a @ N", "BinOp"),
        ("a % N", "BinOp"),
        ("not a + N", "UnaryOp"),
        ("'text' + N", "Constant"),
        ("1j * N + a", "Constant"),
        ("True * N + a", "Constant"),
        ("exp + N", "Name"),
        ("column + N", "Name"),
        ("column('x') + a", "a call of column"),
        ("column(x + 1) + a", "a call of column"),
        ("1e999 * N + a", "beyond the largest"),
        (f"{'9' * 400} * N + a", "beyond the largest"),
        ("import os", "not a formula"),
        ("a + ", "not a formula"),
        ("a + N; b", "not a formula"),
        ("a\x00 + N", "not a formula"),
        ("", "not a formula"),
        ("a + b", "no column"),
        ("N + 1", "no parameter"),
        ("chinchilla(", "not a formula"),
    ],
)
def test_anything_else_is_refused_by_name(text: str, message: str, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        parse(text)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9**9 * N + a",
        "(" * 900 + "N" + ")" * 900,
        "-" * (MAX_LENGTH - 5) + "N + a",
        "N + a" + " + a" * 400,
        "[" * 900 + "N" + "]" * 900,
        "(" * 20_000 + "N" + ")" * 20_000,
        "exp(" * 400 + "N" + ")" * 400,
        "a^" * 900 + "N",
        "(lambda: " * 200 + "N" + ")" * 200,
    ],
)
def test_hostile_formulas_end_at_once(text: str) -> None:
    """Refused, or a number that is infinite: never a computation that does not end."""
    began = time.perf_counter()
    try:
        law = FormulaLaw(text)
        law.predict(np.ones((1, len(law.params))), np.full((1, len(law.inputs)), 10.0))
    except UsageError:
        pass
    assert time.perf_counter() - began < 1.0


def test_a_parameter_named_like_a_column_and_the_column_are_two_things() -> None:
    expression = parse("epochs * column(epochs)")
    found = expression.evaluate({"epochs": Jet(np.array(3.0))}, {"epochs": Jet(np.array(5.0))})
    assert float(found.value) == 15.0
    declared = parse("D * N", parameters=("D",))
    assert (declared.inputs, declared.parameters) == (("n_params",), ("D",))


def test_declared_parameters_must_be_those_of_the_formula() -> None:
    with pytest.raises(UsageError, match="has the parameters E, A, alpha; E, A given"):
        parse("E + A / N^alpha", parameters=("E", "A"))


def test_a_misspelt_law_is_not_taken_for_a_formula() -> None:
    with pytest.raises(UsageError, match="Unknown law 'chinchila'"):
        get_law("chinchila")


def test_a_formula_of_ones_own_is_fitted_from_its_text() -> None:
    """Kaplan's law as text: scales of 1e13 and exponents of 0.1, found without a first guess from the user."""
    from scalelaw.fitting import fit

    rng = np.random.default_rng(0)
    n_params, n_tokens = np.exp(rng.uniform(np.log(1e7), np.log(1e10), (2, 40)))
    law = FormulaLaw("((N_c / N)^(a / d) + D_c / (20 * D))^d")
    truth = {"N_c": 6.4e13, "a": 0.076, "d": 0.103, "D_c": 3.6e14}
    loss = law.predict(np.array([list(truth.values())]), np.stack([n_params, 20 * n_tokens / 20], axis=1))[0]
    found = fit(law, RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss), starts=16)
    for name, number in truth.items():
        assert found.value(name) == pytest.approx(number, rel=1e-6), name


def test_coefficients_of_powers_are_fitted_at_the_centre_of_the_data() -> None:
    law = FormulaLaw("E + A / N^alpha + B * D^-beta * N^gamma + c / (1 + N^delta)")
    assert dict(law.scaled) == {
        "A": ((-1.0, "alpha", "n_params"),),
        "B": ((-1.0, "beta", "n_tokens"), (1.0, "gamma", "n_params")),
    }
