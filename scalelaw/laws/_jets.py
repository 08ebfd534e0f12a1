"""Second-order forward differentiation: numbers that carry their gradient and Hessian, one array per entry.

Shapes: every array broadcasts to `[b, n]`, b members of a batch and n runs. Only entries that can differ from zero are
kept, so a formula costs what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[int, int]
Key = TypeVar("Key", int, Pair)


@dataclass(frozen=True, slots=True)
class Jet:
    """A value with its first derivatives `gradient[i]` and second derivatives `hessian[i, j]`, i <= j."""

    value: Floats
    gradient: Mapping[int, Floats] = field(default_factory=dict)
    hessian: Mapping[Pair, Floats] = field(default_factory=dict)

    def __add__(self, other: Jet) -> Jet:
        return Jet(
            self.value + other.value, _merge(self.gradient, other.gradient), _merge(self.hessian, other.hessian)
        )

    def __neg__(self) -> Jet:
        return self.scaled(np.array(-1.0))

    def __sub__(self, other: Jet) -> Jet:
        return self + -other

    def __mul__(self, other: Jet) -> Jet:
        if not other.gradient:
            return self.scaled(other.value)
        if not self.gradient:
            return other.scaled(self.value)
        left, right = self.scaled(other.value), other.scaled(self.value)
        hessian = dict(_merge(left.hessian, right.hessian))
        for i, a in self.gradient.items():
            for j, b in other.gradient.items():
                _add(hessian, (min(i, j), max(i, j)), a * b * (2.0 if i == j else 1.0))
        return Jet(left.value, _merge(left.gradient, right.gradient), hessian)

    def __truediv__(self, other: Jet) -> Jet:
        inverse = 1.0 / other.value
        return self * other.through(inverse, -(inverse**2), 2.0 * inverse**3)

    def __pow__(self, other: Jet) -> Jet:
        if not other.gradient:
            k, x = other.value, self.value
            return self.through(x**k, k * x ** (k - 1.0), k * (k - 1.0) * x ** (k - 2.0))
        return exp(other * log(self))

    def scaled(self, factor: Floats) -> Jet:
        """The jet times something that does not depend on the parameters."""
        gradient = {i: factor * g for i, g in self.gradient.items()}
        return Jet(factor * self.value, gradient, {ij: factor * h for ij, h in self.hessian.items()})

    def through(self, value: Floats, first: Floats, second: Floats) -> Jet:
        """f of the jet, from f's value and its first and second derivatives there."""
        if not self.gradient:
            return Jet(value)
        gradient = {i: first * g for i, g in self.gradient.items()}
        hessian = {ij: first * h for ij, h in self.hessian.items()}
        items = list(self.gradient.items())
        for a, (i, gi) in enumerate(items):
            for j, gj in items[a:]:
                _add(hessian, (min(i, j), max(i, j)), second * gi * gj)
        return Jet(value, gradient, hessian)


def exp(x: Jet) -> Jet:
    """e^x."""
    e = np.exp(x.value)
    return x.through(e, e, e)


def log(x: Jet) -> Jet:
    """ln x."""
    inverse = 1.0 / x.value
    return x.through(np.log(x.value), inverse, -(inverse**2))


def _expm1(x: Jet) -> Jet:
    e = np.exp(x.value)
    return x.through(np.expm1(x.value), e, e)


def _log1p(x: Jet) -> Jet:
    inverse = 1.0 / (1.0 + x.value)
    return x.through(np.log1p(x.value), inverse, -(inverse**2))


def _sqrt(x: Jet) -> Jet:
    root = np.sqrt(x.value)
    return x.through(root, 0.5 / root, -0.25 / root**3)


def _sin(x: Jet) -> Jet:
    return x.through(np.sin(x.value), np.cos(x.value), -np.sin(x.value))


def _cos(x: Jet) -> Jet:
    return x.through(np.cos(x.value), -np.sin(x.value), -np.cos(x.value))


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
    "expm1": _expm1,
    "log1p": _log1p,
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "tanh": _tanh,
    "atan": _atan,
    "arctan": _atan,
}
"""The functions a formula may use."""


def _merge(a: Mapping[Key, Floats], b: Mapping[Key, Floats]) -> Mapping[Key, Floats]:
    if not a or not b:
        return a or b
    merged = dict(a)
    for key, value in b.items():
        _add(merged, key, value)
    return merged


def _add(entries: dict[Key, Floats], key: Key, value: Floats) -> None:
    entries[key] = entries[key] + value if key in entries else value
