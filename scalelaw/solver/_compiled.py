"""The compiled path: Newton's method for sums of powers, one member of the batch at a time, in the cache.

It minimises the same objective by the same steps as `newton.py`, with Cholesky factors in place of eigenvalues, and is
used behind `solve` where numba is installed and the batch is large enough to repay loading it. A member it cannot
settle is handed back for the general path to finish.

Shapes: K powers, p = 1 + 2K working parameters (E, a_1, alpha_1, ...), n runs. Exponentials and logarithms are written
out below so that they run on the processor's vector registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SUMS = {"reassoc", "contract", "nsz", "arcp"}
"""Liberties taken with the order of a sum; NaN and infinity keep their meaning."""


@njit(cache=True)
def _exp(x: Any, out: Any, bits: Any) -> None:
    """out = e^x, to about an ulp; x is cut at +-700. `bits` is scratch of the same length."""
    power = bits.view(np.float64)
    for i in range(x.size):
        v = min(max(x[i], -700.0), 700.0)
        k = np.floor(v * 1.4426950408889634 + 0.5)
        f = (v - k * _LN2_HIGH) - k * _LN2_LOW
        p = 1.0 / 6227020800.0
        p = p * f + 1.0 / 479001600.0
        p = p * f + 1.0 / 39916800.0
        p = p * f + 1.0 / 3628800.0
        p = p * f + 1.0 / 362880.0
        p = p * f + 1.0 / 40320.0
        p = p * f + 1.0 / 5040.0
        p = p * f + 1.0 / 720.0
        p = p * f + 1.0 / 120.0
        p = p * f + 1.0 / 24.0
        p = p * f + 1.0 / 6.0
        p = p * f + 0.5
        p = p * f + 1.0
        out[i] = p * f + 1.0
        bits[i] = (np.int64(k) + 1023) << 52
    for i in range(x.size):
        out[i] *= power[i]


@njit(cache=True)
def _log(x: Any, out: Any, bits: Any) -> None:
    """out = ln x, to about an ulp, for positive normal x. `bits` is scratch of the same length."""
    view = bits.view(np.float64)
    for i in range(x.size):
        view[i] = x[i]
    for i in range(x.size):
        out[i] = np.float64((bits[i] >> 52) - 1023)
        bits[i] = (bits[i] & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000
    for i in range(x.size):
        m, e = view[i], out[i]
        high = m > 1.4142135623730951
        m = 0.5 * m if high else m
        e = e + 1.0 if high else e
        s = (m - 1.0) / (m + 1.0)
        q = s * s
        p = 1.0 / 21.0
        p = p * q + 1.0 / 19.0
        p = p * q + 1.0 / 17.0
        p = p * q + 1.0 / 15.0
        p = p * q + 1.0 / 13.0
        p = p * q + 1.0 / 11.0
        p = p * q + 1.0 / 9.0
        p = p * q + 1.0 / 7.0
        p = p * q + 1.0 / 5.0
        p = p * q + 1.0 / 3.0
        out[i] = e * _LN2_HIGH + (2.0 * s + (2.0 * s * q * p + e * _LN2_LOW))


@njit(cache=True, fastmath=_SUMS)
def _dot(a: Any, b: Any) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, fastmath=_SUMS)
def _dot3(a: Any, b: Any, c: Any) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i] * c[i]
    return total


@njit(cache=True, fastmath=_SUMS)
def _value(
    theta: Any, z: Any, y: Any, log_y: Any, w: Any, delta: float, raw: bool, T: Any, L: Any, r: Any, bits: Any
) -> Any:
    """The objective, leaving the terms T[K, n], the loss L[n] and the residuals r[n] behind."""
    L[:] = theta[0]
    for k in range(z.shape[0]):
        a, alpha = theta[1 + 2 * k], theta[2 + 2 * k]
        for i in range(y.size):
            r[i] = a - alpha * z[k, i]
        _exp(r, T[k], bits)
        for i in range(y.size):
            L[i] += T[k, i]
    if raw:
        for i in range(y.size):
            r[i] = L[i] - y[i]
    else:
        _log(L, r, bits)
        for i in range(y.size):
            r[i] -= log_y[i]
    total = 0.0
    for i in range(y.size):
        c = min(max(r[i], -delta), delta)
        total += w[i] * c * (r[i] - 0.5 * c)
    return total


@njit(cache=True, fastmath=_SUMS)
def _model(
    z: Any, w: Any, delta: float, raw: bool, T: Any, L: Any, r: Any, J: Any, rows: Any, g: Any, H: Any, M: Any
) -> None:
    """Gradient g[p], Hessian H[p, p] and majoriser M[p, p] at the point `_value` was last called with."""
    q, outer, steady, scratch = rows[0], rows[1], rows[2], rows[3]
    p = g.size
    for i in range(r.size):
        inverse = 1.0 if raw else 1.0 / L[i]
        size = abs(r[i])
        inside = size <= delta
        psi = min(max(r[i], -delta), delta)
        q[i] = w[i] * psi
        outer[i] = (w[i] if inside else 0.0) - (0.0 if raw else q[i])
        steady[i] = w[i] if inside else w[i] * delta / size
        J[0, i] = inverse
    for k in range(z.shape[0]):
        for i in range(r.size):
            share = T[k, i] * J[0, i]
            J[1 + 2 * k, i] = share
            J[2 + 2 * k, i] = -share * z[k, i]
    for a in range(p):
        g[a] = _dot(q, J[a])
        for b in range(a + 1):
            H[a, b] = _dot3(outer, J[a], J[b])
            M[a, b] = _dot3(steady, J[a], J[b])
    for k in range(z.shape[0]):
        s = 1 + 2 * k
        for i in range(r.size):
            scratch[i] = q[i] * z[k, i]
        H[s, s] += g[s]
        H[s + 1, s] += g[s + 1]
        H[s + 1, s + 1] -= _dot(scratch, J[s + 1])


@njit(cache=True)
def _factor(A: Any, size: int) -> bool:
    """Cholesky factor of the lower triangle in place; False where it is not positive."""
    for j in range(size):
        d = A[j, j]
        for k in range(j):
            d -= A[j, k] * A[j, k]
        if not d > 1e-15:
            return False
        A[j, j] = np.sqrt(d)
        for i in range(j + 1, size):
            v = A[i, j]
            for k in range(j):
                v -= A[i, k] * A[j, k]
            A[i, j] = v / A[j, j]
    return True


@njit(cache=True)
def _step(g: Any, H: Any, M: Any, damping: float, held: Any, A: Any, step: Any) -> float:
    """step = -(H + damping M)^-1 g over the parameters not held; returns g' (...)^-1 g, NaN where not positive."""
    p, size = g.size, 0
    for a in range(p):
        if held[a]:
            continue
        b_index = 0
        scale_a = np.sqrt(M[a, a])
        for b in range(a + 1):
            if held[b]:
                continue
            outer = scale_a * np.sqrt(M[b, b])
            A[size, b_index] = (H[a, b] + damping * M[a, b]) / outer
            b_index += 1
        A[size, size] += 1e-13
        size += 1
    if not _factor(A, size):
        return np.nan
    size, decrement = 0, 0.0
    for a in range(p):
        if held[a]:
            continue
        v = g[a] / np.sqrt(M[a, a])
        for k in range(size):
            v -= A[size, k] * step[k]
        step[size] = v / A[size, size]
        decrement += step[size] * step[size]
        size += 1
    for j in range(size - 1, -1, -1):
        v = step[j]
        for k in range(j + 1, size):
            v -= A[k, j] * step[k]
        step[j] = v / A[j, j]
    for a in range(p - 1, -1, -1):
        if held[a]:
            step[a] = 0.0
        else:
            size -= 1
            step[a] = -step[size] / np.sqrt(M[a, a])
    return decrement


@njit(cache=True)
def _stay_inside(
    here: Any, low: Any, high: Any, g: Any, H: Any, M: Any, damping: float, held: Any, A: Any, step: Any, bent: Any
) -> None:
    """Parameters that the step would take past a bound go to the bound; the others step again, knowing that."""
    p = g.size
    moved = False
    for a in range(p):
        bent[a] = g[a]
    for a in range(p):
        if held[a] or low[a] <= here[a] + step[a] <= high[a]:
            continue
        moved, held[a] = True, True
        to_bound = (low[a] if here[a] + step[a] < low[a] else high[a]) - here[a]
        for b in range(p):
            i, j = max(a, b), min(a, b)
            bent[b] += (H[i, j] + damping * M[i, j]) * to_bound
        step[a] = to_bound
    if moved:
        fixed = step.copy()
        if _step(bent, H, M, damping, held, A, step) >= 0.0:
            for a in range(p):
                if held[a]:
                    step[a] = fixed[a] if low[a] < here[a] < high[a] else 0.0
        else:
            step[:] = fixed


@njit(cache=True, nogil=True)
def minimise(
    z_all: Any, log_y_all: Any, weights: Any, start: Any, low: Any, high: Any, delta: float, raw: bool, tolerance: float
) -> Any:
    """Minimise for every member.

    Args:
        z_all: coordinates, `[K, n]`; log_y_all: logs of the observed losses, `[n]`; weights: `[b, n]` or `[1, n]`.
        start: starting points within `low` and `high`, `[b, p]`.
        delta: where Huber's loss turns linear; infinite for least squares.
        raw: residuals of the loss, not of its logarithm.
        tolerance: a member is settled when a full step would gain less than this share of its objective.

    Returns:
        theta `[b, p]`, objective `[b]`, relative gain of a further step `[b]` (infinite: unsettled), iterations `[b]`.
    """
    members, p = start.shape
    K, n = z_all.shape
    theta, value = start.copy(), np.full(members, np.inf)
    gain, iterations = np.full(members, np.inf), np.zeros(members, dtype=np.int64)
    z_flat, T_flat, J_flat, line = np.empty(K * n), np.empty(K * n), np.empty(p * n), np.empty((5, n))
    rows_flat, bits_buffer, y_all = np.empty(4 * n), np.empty(n, dtype=np.int64), np.exp(log_y_all)
    g, H, M = np.empty(p), np.empty((p, p)), np.empty((p, p))
    A, step, trial, bent, held = np.empty((p, p)), np.empty(p), np.empty(p), np.empty(p), np.empty(p, dtype=np.bool_)
    for b in range(members):
        row = weights[b % weights.shape[0]]
        m = 0
        for i in range(n):
            if row[i] > 0.0:  # runs a replicate did not draw cost nothing
                line[0, m], line[1, m], line[2, m] = log_y_all[i], y_all[i], row[i]
                m += 1
        z, T = z_flat[: K * m].reshape(K, m), T_flat[: K * m].reshape(K, m)
        J, rows, bits = J_flat[: p * m].reshape(p, m), rows_flat[: 4 * m].reshape(4, m), bits_buffer[:m]
        log_y, y, w, L, r = line[0, :m], line[1, :m], line[2, :m], line[3, :m], line[4, :m]
        for k in range(K):
            m = 0
            for i in range(n):
                if row[i] > 0.0:
                    z[k, m] = z_all[k, i]
                    m += 1
        here = theta[b]
        now = _value(here, z, y, log_y, w, delta, raw, T, L, r, bits)
        if not np.isfinite(now):
            continue
        damping = 1e-3
        _model(z, w, delta, raw, T, L, r, J, rows, g, H, M)
        while iterations[b] < 200 and damping < 1e10:
            iterations[b] += 1
            for a in range(p):
                held[a] = (here[a] <= low[a] and g[a] > 0.0) or (here[a] >= high[a] and g[a] < 0.0) or M[a, a] <= 0.0
            full = _step(g, H, M, 0.0, held, A, step)
            gain[b] = 0.5 * full / max(now, 1e-300) if full >= 0.0 else np.inf
            settled = gain[b] <= tolerance
            if not settled:
                if not _step(g, H, M, damping, held, A, step) >= 0.0:
                    _step(g, M, M, damping, held, A, step)  # no bowl here: reweighted least squares still descends
                _stay_inside(here, low, high, g, H, M, damping, held, A, step, bent)
            for a in range(p):
                trial[a] = min(max(here[a] + step[a], low[a]), high[a])
            then = _value(trial, z, y, log_y, w, delta, raw, T, L, r, bits)
            if then <= now * (1.0 + 1e-12) if settled else then <= now:
                here[:] = trial
                now = min(then, now)
                damping = max(damping * 0.05, 1e-14)
                if settled:
                    break
                _model(z, w, delta, raw, T, L, r, J, rows, g, H, M)
            elif settled:
                break
            else:
                damping *= 10.0
        value[b] = now
    return theta, value, gain, iterations
