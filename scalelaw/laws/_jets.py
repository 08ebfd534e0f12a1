"""Forward differentiation: numbers that carry their gradient and, where wanted, their Hessian.

Every array of a jet broadcasts to one shape, `[b, n]` for b members of a batch and n runs. Only entries that can differ
from zero are kept, and what depends on the parameters alone stays `[b, 1]`, so a formula costs what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Pair = tuple[int, int]
Key = TypeVar("Key", int, Pair)


@dataclass(frozen=True, slots=True)
class Jet:
    """A value with its first derivatives `gradient[i]` and second derivatives `hessian[i, j]`, i <= j.

    A Hessian of None means that second derivatives are not followed; a jet made from one like that has none either.
    """

    value: Floats
    gradient: Mapping[int, Floats] = field(default_factory=dict)
    hessian: Mapping[Pair, Floats] | None = field(default_factory=dict)
    __array_ufunc__: ClassVar[None] = None  # so that array * jet is a jet

    @classmethod
    def variable(cls, value: Floats, index: int, second: bool = True) -> Jet:
        """The variable number `index` itself."""
        return cls(value, {index: np.ones_like(value)}, {} if second else None)

    def __add__(self, other: Jet | Floats | float) -> Jet:
        other = jet(other)
        return Jet(
            self.value + other.value,
            _merge(self.gradient, other.gradient),
            None if self.hessian is None or other.hessian is None else _merge(self.hessian, other.hessian),
        )

    def __neg__(self) -> Jet:
        return self.scaled(-1.0)

    def __sub__(self, other: Jet | Floats | float) -> Jet:
        return self + -jet(other)

    def __mul__(self, other: Jet | Floats | float) -> Jet:
        other = jet(other)
        if not other.gradient:
            return self.scaled(other.value)
        if not self.gradient:
            return other.scaled(self.value)
        left, right = self.scaled(other.value), other.scaled(self.value)
        gradient = _merge(left.gradient, right.gradient)
        if left.hessian is None or right.hessian is None:
            return Jet(left.value, gradient, None)
        hessian = dict(_merge(left.hessian, right.hessian))
        for i, a in self.gradient.items():
            for j, b in other.gradient.items():
                _add(hessian, (min(i, j), max(i, j)), a * b * (2.0 if i == j else 1.0))
        return Jet(left.value, gradient, hessian)

    def __truediv__(self, other: Jet | Floats | float) -> Jet:
        return self * reciprocal(jet(other))

    def __pow__(self, other: Jet | Floats | float) -> Jet:
        other = jet(other)
        if other.gradient:
            return exp(other * log(self))
        x, k = self.value, other.value
        if not self.gradient:
            return Jet(x**k)
        first, second = k * _power(x, k, 1), k * (k - 1.0) * _power(x, k, 2)
        return self.through(x**k, first, second)

    __radd__ = __add__

    def __rsub__(self, other: Floats | float) -> Jet:
        return jet(other) - self

    __rmul__ = __mul__

    def __rtruediv__(self, other: Floats | float) -> Jet:
        return jet(other) / self

    def __rpow__(self, other: Floats | float) -> Jet:
        return jet(other) ** self

    def scaled(self, factor: Floats | float) -> Jet:
        """The jet times something that does not depend on the parameters."""
        gradient = {i: factor * g for i, g in self.gradient.items()}
        hessian = None if self.hessian is None else {ij: factor * h for ij, h in self.hessian.items()}
        return Jet(np.asarray(factor * self.value), gradient, hessian)

    def through(self, value: Floats, first: Floats, second: Floats) -> Jet:
        """f of the jet, from f's value and its first and second derivatives there."""
        if not self.gradient:
            return Jet(value)
        gradient = {i: first * g for i, g in self.gradient.items()}
        if self.hessian is None:
            return Jet(value, gradient, None)
        hessian = {ij: first * h for ij, h in self.hessian.items()}
        bent = {i: second * g for i, g in self.gradient.items()}
        for i, gi in bent.items():
            for j, gj in self.gradient.items():
                if i <= j:
                    _add(hessian, (i, j), gi * gj)
        return Jet(value, gradient, hessian)


def jet(x: Jet | Floats | float) -> Jet:
    """A number as a jet without derivatives; a jet as it is."""
    return x if isinstance(x, Jet) else Jet(np.asarray(x, dtype=float))


def where(condition: NDArray[np.bool_], x: Jet, y: Jet) -> Jet:
    """x where the condition holds, y elsewhere, with the derivatives of the one chosen."""

    def choose(a: Mapping[Key, Floats], b: Mapping[Key, Floats]) -> dict[Key, Floats]:
        zero = np.zeros(())
        return {key: np.where(condition, a.get(key, zero), b.get(key, zero)) for key in {**a, **b}}

    second = None if x.hessian is None or y.hessian is None else choose(x.hessian, y.hessian)
    return Jet(np.where(condition, x.value, y.value), choose(x.gradient, y.gradient), second)


def compose(value: Floats, first: Sequence[Floats], second: Mapping[Pair, Floats], arguments: Sequence[Jet]) -> Jet:
    """f of several jets, from f's value and its first and second derivatives (`second[k, l]`, k <= l) there."""
    gradient: dict[int, Floats] = {}
    for slope, argument in zip(first, arguments, strict=True):
        for i, g in argument.gradient.items():
            _add(gradient, i, slope * g)
    if any(argument.hessian is None for argument in arguments):
        return Jet(value, gradient, None)
    hessian: dict[Pair, Floats] = {}
    for slope, argument in zip(first, arguments, strict=True):
        for ij, h in (argument.hessian or {}).items():
            _add(hessian, ij, slope * h)
    for (k, m), bend in second.items():
        for i, a in arguments[k].gradient.items():
            for j, b in arguments[m].gradient.items():
                twice = 2.0 if k != m and i == j else 1.0
                if k != m or i <= j:
                    _add(hessian, (min(i, j), max(i, j)), twice * bend * a * b)
    return Jet(value, gradient, hessian)


def minimum(x: Jet, y: Jet) -> Jet:
    """The smaller of two."""
    return where(x.value <= y.value, x, y)


def maximum(x: Jet, y: Jet) -> Jet:
    """The larger of two."""
    return where(x.value >= y.value, x, y)


def reciprocal(x: Jet) -> Jet:
    """1 / x."""
    inverse = 1.0 / x.value
    square = inverse * inverse
    return x.through(inverse, -square, 2.0 * square * inverse)


def exp(x: Jet) -> Jet:
    """e^x."""
    e = np.exp(x.value)
    return x.through(e, e, e)


def log(x: Jet) -> Jet:
    """ln x."""
    inverse = 1.0 / x.value
    return x.through(np.log(x.value), inverse, -inverse * inverse)


def expm1(x: Jet) -> Jet:
    """e^x - 1, exact for small x."""
    e = np.exp(x.value)
    return x.through(np.expm1(x.value), e, e)


def log1p(x: Jet) -> Jet:
    """ln(1 + x), exact for small x."""
    inverse = 1.0 / (1.0 + x.value)
    return x.through(np.log1p(x.value), inverse, -inverse * inverse)


def softplus(x: Jet) -> Jet:
    """ln(1 + e^x), without overflow."""
    s = expit(x.value)
    return x.through(np.logaddexp(0.0, x.value), s, s * expit(-x.value))


def sigmoid(x: Jet) -> Jet:
    """1 / (1 + e^-x)."""
    s, rest = expit(x.value), expit(-x.value)
    return x.through(s, s * rest, s * rest * (rest - s))


def _sqrt(x: Jet) -> Jet:
    root = np.sqrt(x.value)
    return x.through(root, 0.5 / root, -0.25 / root**3)


def _sin(x: Jet) -> Jet:
    s, c = np.sin(x.value), np.cos(x.value)
    return x.through(s, c, -s)


def _cos(x: Jet) -> Jet:
    s, c = np.sin(x.value), np.cos(x.value)
    return x.through(c, -s, -c)


def _tanh(x: Jet) -> Jet:
    t = np.tanh(x.value)
    return x.through(t, 1.0 - t * t, -2.0 * t * (1.0 - t * t))


def _atan(x: Jet) -> Jet:
    inverse = 1.0 / (1.0 + x.value**2)
    return x.through(np.arctan(x.value), inverse, -2.0 * x.value * inverse**2)


FUNCTIONS: Mapping[str, Callable[[Jet], Jet]] = {
    "exp": exp,
    "log": log,
    "ln": log,
    "expm1": expm1,
    "log1p": log1p,
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "tanh": _tanh,
    "atan": _atan,
    "arctan": _atan,
    "softplus": softplus,
    "sigmoid": sigmoid,
}
"""The functions a formula may use."""


def _power(x: Floats, k: Floats, less: int) -> Floats:
    """x^(k - less), and 1 where the derivative it serves is zero anyway, so that 0 x 0^-1 is 0."""
    vanishing = (k == 0.0) | ((k == 1.0) & (less == 2))
    return np.asarray(np.where(vanishing, 1.0, x ** np.where(vanishing, 0.0, k - less)))


def _merge(a: Mapping[Key, Floats], b: Mapping[Key, Floats]) -> Mapping[Key, Floats]:
    if not a or not b:
        return a or b
    merged = dict(a)
    for key, value in b.items():
        _add(merged, key, value)
    return merged


def _add(entries: dict[Key, Floats], key: Key, value: Floats) -> None:
    entries[key] = entries[key] + value if key in entries else value
