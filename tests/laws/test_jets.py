"""Forward differentiation agrees with complex steps and with differences of its own first order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalelaw.laws._expression import parse
from scalelaw.laws._jets import Jet, compose, exp, maximum, minimum

NAMES = ("a", "b", "c")
COMPLEX: dict[str, object] = {"ln": np.log, "sqrt": np.sqrt, "atan": np.arctan} | {
    name: getattr(np, name) for name in ("exp", "log", "expm1", "log1p", "sin", "cos", "tanh", "arctan")
}
COMPLEX |= {"softplus": lambda x: np.log(1 + np.exp(x)), "sigmoid": lambda x: 1 / (1 + np.exp(-x))}


def leaves() -> st.SearchStrategy[str]:
    return st.sampled_from(NAMES) | st.floats(0.5, 2.0).map(lambda x: repr(round(x, 3)))


def branches(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Combinations that stay real and moderate: logarithms and roots see squares plus a constant."""
    binary = st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    ratio = st.tuples(inner, inner).map(lambda t: f"({t[0]} / (0.7 + ({t[1]})^2))")
    power = st.tuples(inner, inner).map(lambda t: f"((0.6 + ({t[0]})^2) ^ tanh({t[1]}))")
    bounded = st.tuples(st.sampled_from(["sin", "cos", "tanh", "atan", "sigmoid"]), inner).map(
        lambda t: f"{t[0]}({t[1]})"
    )
    positive = st.tuples(st.sampled_from(["log", "sqrt", "log1p"]), inner).map(lambda t: f"{t[0]}(0.8 + ({t[1]})^2)")
    grown = st.tuples(st.sampled_from(["exp", "expm1", "softplus"]), inner).map(lambda t: f"{t[0]}(sin({t[1]}))")
    return binary | ratio | power | bounded | positive | grown


def in_complex_numbers(text: str, values: dict[str, complex]) -> complex:
    """Python's own evaluation of a formula made by this file."""
    return complex(eval(text.replace("^", "**"), {"__builtins__": {}}, {**COMPLEX, **values}))


@settings(max_examples=150, deadline=None)
@given(st.recursive(leaves(), branches, max_leaves=8), st.tuples(*[st.floats(0.3, 1.7)] * 3))
def test_derivatives_of_any_formula_are_exact(text: str, point: tuple[float, float, float]) -> None:
    """The parsed formula's gradient against complex steps, its Hessian against differences of the gradient."""
    expression = parse(f"{text} + 0 * N * (a + b + c)")

    def jets(at: np.ndarray, second: bool = True) -> Jet:
        seeds = {name: Jet.variable(np.array(x), i, second) for i, (name, x) in enumerate(zip(NAMES, at, strict=True))}
        return expression.evaluate({"n_params": Jet(np.ones(()))}, seeds)

    at = np.array(point)
    found, first = jets(at), jets(at, second=False)
    assert first.hessian is None
    h = 1e-20
    for i in range(3):
        stepped = dict(zip(NAMES, at + 1j * h * np.eye(3)[i], strict=True))
        slope = in_complex_numbers(text, stepped).imag / h
        for order in (found, first):
            assert float(order.gradient.get(i, np.zeros(()))) == pytest.approx(slope, rel=1e-9, abs=1e-9)
        step = 1e-5 * np.eye(3)[i]
        up, down = jets(at + step, second=False), jets(at - step, second=False)
        for j in range(3):
            zero = np.zeros(())
            bend = (float(up.gradient.get(j, zero)) - float(down.gradient.get(j, zero))) / 2e-5
            exact = float((found.hessian or {}).get((min(i, j), max(i, j)), zero))
            assert exact == pytest.approx(bend, rel=1e-4, abs=1e-5 * (1 + abs(float(found.value)) + abs(slope)))


def test_arrays_and_numbers_meet_jets_from_either_side() -> None:
    x = Jet.variable(np.array([2.0]), 0)
    for found in (np.array([3.0]) * x, x * np.array([3.0]), 3.0 * x):
        assert isinstance(found, Jet)
        np.testing.assert_array_equal(found.gradient[0], [3.0])
    assert float((1.0 / x).gradient[0][0]) == -0.25
    assert float((3.0 - x).value[0]) == 1.0
    assert float((2.0**x).gradient[0][0]) == pytest.approx(4 * np.log(2))


@pytest.mark.parametrize(("power", "first", "second"), [(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 0.0, 2.0)])
def test_whole_powers_of_zero_have_their_derivatives(power: float, first: float, second: float) -> None:
    found = Jet.variable(np.array([0.0]), 0) ** power
    assert float(found.gradient[0][0]) == first
    assert float((found.hessian or {})[0, 0][0]) == second


def test_the_smaller_and_the_larger_bring_their_own_derivatives() -> None:
    x, y = Jet.variable(np.array([1.0, 3.0]), 0), Jet.variable(np.array([2.0, 2.0]), 1)
    low, high = minimum(x * x, y), maximum(x * x, y)
    np.testing.assert_array_equal(low.gradient[0], [2.0, 0.0])
    np.testing.assert_array_equal(low.gradient[1], [0.0, 1.0])
    np.testing.assert_array_equal(high.value, [2.0, 9.0])
    np.testing.assert_array_equal((high.hessian or {})[0, 0], [0.0, 2.0])


def test_composing_by_hand_is_composing_by_operators() -> None:
    """f(u, v) = u v^2 with u = e^x, v = x + y."""
    x, y = Jet.variable(np.array([0.4]), 0), Jet.variable(np.array([1.3]), 1)
    u, v = exp(x), x + y
    a, b = u.value, v.value
    second = {(0, 0): 0 * a, (0, 1): 2 * b, (1, 1): 2 * a}
    ours, theirs = compose(a * b**2, [b**2, 2 * a * b], second, [u, v]), u * v**2.0
    for i in range(2):
        np.testing.assert_allclose(ours.gradient[i], theirs.gradient[i], rtol=1e-14)
    for key, entry in (theirs.hessian or {}).items():
        np.testing.assert_allclose((ours.hessian or {})[key], entry, rtol=1e-14)
