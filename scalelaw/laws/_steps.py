"""Derivatives of a map by steps: complex ones, which lose no digits, where the map takes complex numbers.

A map sends `x[b, m]` to `[b, q]`, each member for itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.exceptions import ComplexWarning

from scalelaw.laws.base import Floats

Map = Callable[[Any], Any]

TINY = 1e-30
"""A complex step: its square vanishes beside 1, so the derivative is exact to rounding."""
STEP = 1e-3
"""A real step, relative to the variable; the error of the fourth-order difference is about 1e-12."""
OFFSETS, WEIGHTS = np.array([1.0, -1.0, 2.0, -2.0]), np.array([8.0, -8.0, -1.0, 1.0]) / 12.0
"""The central difference of fourth order."""


def takes_complex(f: Map, x: Floats) -> bool:
    """Whether f computes with complex numbers and its derivative along them is the one along the reals.

    A function that takes an absolute value or a real part on the way gives itself away by the second.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ComplexWarning)
            stepped = np.asarray(f(x + 1j * TINY * x))
    except (TypeError, ValueError, AttributeError, ComplexWarning):
        return False
    if not np.iscomplexobj(stepped):
        return False
    with np.errstate(all="ignore"):
        real = (
            sum(weight * f(x * (1.0 + STEP * offset)) for offset, weight in zip(OFFSETS, WEIGHTS, strict=True)) / STEP
        )
        return bool(np.allclose(stepped.imag / TINY, real, rtol=1e-5, atol=1e-7, equal_nan=True))


def jacobian(f: Map, x: Floats, exact: bool = True) -> Any:
    """d f_q / d x_m, `[b, q, m]`; `exact` by complex steps, otherwise by central differences."""
    b, m = x.shape
    if exact:
        moved = x[None] + 1j * TINY * np.eye(m)[:, None, :]
        values = np.asarray(f(moved.reshape(m * b, m))).reshape(m, b, -1)
        return np.moveaxis(values.imag / TINY, 0, 2)
    return _difference(f, x)


def hessian(f: Map, x: Floats, exact: bool = True) -> Any:
    """d^2 f_q / d x_l d x_m, `[b, q, l, m]`, symmetric: the difference of the `jacobian`, good to about 1e-10."""
    b, m = x.shape
    slopes = _difference(lambda moved: jacobian(f, moved, exact).reshape(len(moved), -1), x)
    second = slopes.reshape(b, -1, m, m)
    return 0.5 * (second + second.swapaxes(2, 3))


def _difference(f: Map, x: Floats) -> Any:
    b, m = x.shape
    step = STEP * np.maximum(np.abs(x), 1e-2)
    moved = x + OFFSETS[:, None, None, None] * (np.eye(m)[:, None, :] * step)
    values = np.asarray(f(moved.reshape(4 * m * b, m))).reshape(4, m, b, -1)
    return np.moveaxis(np.tensordot(WEIGHTS, values, 1) / step.T[:, :, None], 0, 2)
