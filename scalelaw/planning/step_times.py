"""How long a training step takes: a linear model of memory copies and arithmetic, fitted to logged steps.

Symbols: N parameters, b tokens a step on one device, t seconds a step, d width, L layers, F feed-forward width,
h heads, T context, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from scalelaw.errors import DataError
from scalelaw.planning._jackknife import half_width
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats

BLOCKS = 50
"""The jackknife leaves out one configuration at a time, or one of so many blocks of them."""
COPIES_OF_WEIGHTS = 15.0
"""Reads and writes of every parameter in a step: three reads of it in the products, and AdamW's of it, its gradient and
two moments."""


@dataclass(frozen=True)
class StepLog:
    """Logged steps, one row a run, arrays `[n]`.

    Attributes:
        seconds: of a step. n_params: N. tokens: b, on one device.
        activations: elements read and written for one token in the forward pass; NaN where the shape is not known.
        source: where they were read, for tables.
    """

    seconds: Floats
    n_params: Floats
    tokens: Floats
    activations: Floats
    source: str = ""

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True)
class StepTime:
    """t = c_0 + c_1 M + c_2 F: copies M = 15 N + 3 b a(N) elements, arithmetic F = 6 N b FLOP; no c is negative.

    a(N) = a_0 N^g, the activations a token of the logged shapes as a power law of size, carries their manner of growing
    over to a size nobody has trained; without shapes M = 15 N. Relative least squares: weights 1/t.

    Attributes:
        c: c_0 s, c_1 s/element, c_2 s/FLOP.
        shape: ln a_0 and g; None where no shapes were logged.
        tokens: b at which a plan trains: that of the largest logged run.
        log: what it was fitted to.

    Source: Inbar & Sernau 2024, arXiv 2406.18922, for a step's time being linear in its memory copies; the count of
    copies is our own, since theirs is not at hand.
    """

    c: Floats
    shape: tuple[float, float] | None
    tokens: float
    log: StepLog

    def seconds(self, n_params: ArrayLike, tokens: float | None = None) -> Floats:
        """t for sizes N and b tokens on each device, by default `tokens`."""
        N = np.asarray(n_params, dtype=float)
        return _terms(N, np.asarray(self.tokens if tokens is None else tokens), self._activations(N)) @ self.c

    def seconds_per_token(self, n_params: ArrayLike) -> Floats:
        """t / b on one device."""
        return np.asarray(self.seconds(n_params) / self.tokens)

    def _activations(self, N: Floats) -> Floats:
        if self.shape is None:
            return np.zeros_like(N)
        return np.exp(self.shape[0] + self.shape[1] * np.log(N))

    @cached_property
    def errors(self) -> Floats:
        """t predicted over t logged, less one, at the logged shapes, `[n]`."""
        fitted = _terms(self.log.n_params, self.log.tokens, _known(self.log)) @ self.c
        return np.asarray(fitted / self.log.seconds - 1.0)

    @property
    def sentence(self) -> str:
        """What was found, for tables."""
        copies = "memory copies of weights and activations" if self.shape else "memory copies of weights (no shapes)"
        parts = (f"{self.c[0]:.3g} s", f"{self.c[1]:.3g} s/element x {copies}", f"{self.c[2]:.3g} s/FLOP x 6 N b")
        kept = [part for part, c in zip(parts, self.c, strict=True) if c > 0]
        return f"t = {' + '.join(kept)}; mean error {100 * np.abs(self.errors).mean():.1f} % of {len(self.log)} runs"

    def interval(self, n_params: float, level: float) -> Interval | Unavailable:
        """Of t at a size, seconds a step: the jackknife over configurations (size and batch), on the log scale."""
        target, unit = f"step of {n_params:.4g} parameters", "s"
        members = np.unique(np.stack([self.log.n_params, self.log.tokens], axis=1), axis=0, return_inverse=True)[1]
        blocks = members.ravel() % BLOCKS
        k = len(np.unique(blocks))
        if k < 3:
            return Unavailable(target, f"an interval needs steps of 3 configurations; {k} are logged", unit)
        centre = float(np.log(self.seconds(n_params)))
        left_out = [fit_step_time(_where(self.log, blocks != i)) for i in np.unique(blocks)]
        values = np.log([float(one.seconds(n_params, self.tokens)) for one in left_out])
        half = half_width(values, level)
        method = f"jackknife over {k} configurations, Student's t({k - 1})"
        ends = (math.exp(centre - half), math.exp(centre + half))
        return Interval(target, math.exp(centre), *ends, level, method, unit)


def fit_step_time(log: StepLog) -> StepTime:
    """The model through logged steps.

    Raises:
        DataError: where nothing varies or nothing is logged.
    """
    if len(log) < 2 or np.ptp(log.n_params) == 0:
        raise DataError(
            "E_TOO_FEW_RUNS",
            f"a model of step time needs runs of two sizes or more; found {len(np.unique(log.n_params))}",
            file=log.source or None,
            remedy="log steps and wall_s of models of several sizes",
        )
    terms = _terms(log.n_params, log.tokens, _known(log)) / log.seconds[:, None]
    scale = np.linalg.norm(terms, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    c = nnls(terms / scale, np.ones(len(log)))[0] / scale
    shape = None
    if np.isfinite(log.activations).all():
        g, log_a = np.polyfit(np.log(log.n_params), np.log(log.activations), 1)
        shape = (float(log_a), float(g))
    return StepTime(c, shape, float(log.tokens[np.argmax(log.n_params)]), log)


def _known(log: StepLog) -> Floats:
    return log.activations if np.isfinite(log.activations).all() else np.zeros(len(log))


def _terms(N: Floats, b: Floats, activations: Floats) -> Floats:
    """1, M and F, `[..., 3]`."""
    copies = COPIES_OF_WEIGHTS * N + 3.0 * b * activations
    return np.stack(np.broadcast_arrays(np.ones_like(N), copies, 6.0 * N * b), axis=-1)


def _where(log: StepLog, keep: Floats) -> StepLog:
    return StepLog(log.seconds[keep], log.n_params[keep], log.tokens[keep], log.activations[keep], log.source)


def activations_per_token(
    width: Floats, depth: Floats, ff_width: Floats, heads: Floats, context: Floats, vocab: Floats
) -> Floats:
    """Elements a transformer's forward pass reads and writes for one token.

    L [LN 2d + qkv 4d + scores (2d + hT) + mask 2hT + softmax 2hT + values (hT + 2d) + out 2d + residual 3d + LN 2d +
    up (d + F) + activation 2F + down (F + d) + residual 3d] + 3d + 3V.
    """
    d, L, F, scores = width, depth, ff_width, heads * context
    return np.asarray(L * (22.0 * d + 6.0 * scores + 4.0 * F) + 3.0 * d + 3.0 * vocab)
