"""The check that a law's derivatives are what finite differences say."""

from __future__ import annotations

import numpy as np

from scalelaw.laws import Law


def assert_exact_derivatives(law: Law, theta: np.ndarray, z: np.ndarray) -> None:
    """Gradient and curvature of the law at `theta[b, p]` agree with central differences."""
    q = np.random.default_rng(0).normal(size=(len(theta), len(z)))
    log_loss, gradient = law.derivatives(theta, z)
    curvature = law.curvature(theta, z, q)
    np.testing.assert_allclose(log_loss, law.log_loss(theta, z), rtol=1e-12)
    for j in range(theta.shape[1]):
        h = 1e-6 * max(1.0, abs(theta[0, j]))
        up, down = theta.copy(), theta.copy()
        up[:, j] += h
        down[:, j] -= h
        slope = (law.log_loss(up, z) - law.log_loss(down, z)) / (2 * h)
        bend = np.einsum("bnp,bn->bp", law.derivatives(up, z)[1] - law.derivatives(down, z)[1], q) / (2 * h)
        np.testing.assert_allclose(gradient[:, :, j], slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(curvature[:, j], bend, rtol=1e-5, atol=1e-6)
