"""Polynomials through a few noisy points, with an outlier bounded in its influence."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import polynomial

from scalelaw.runs import Floats

ROUNDING = 1e-12
"""Residuals below this share of the range are rounding; there is nothing to be robust against."""


def fit_polynomial(x: Floats, y: Floats, degree: int, robust: bool = True) -> Floats:
    """Coefficients of y in powers of x, constant first, `[degree + 1]`.

    Robust: Huber's loss at 1.345 robust standard deviations (statsmodels RLM). Below twice as many points as
    coefficients the scale of the residuals is anyone's guess, and least squares is used.
    """
    coefficients = polynomial.polyfit(x, y, degree)
    residuals = y - polynomial.polyval(x, coefficients)
    if not robust or len(x) < 2 * (degree + 1) or np.abs(residuals).max() <= ROUNDING * np.ptp(y):
        return np.asarray(coefficients)
    from statsmodels.robust.norms import HuberT
    from statsmodels.robust.robust_linear_model import RLM

    powers = np.vander(x, degree + 1, increasing=True)
    return np.asarray(RLM(y, powers, M=HuberT()).fit(tol=1e-10, maxiter=200).params)
