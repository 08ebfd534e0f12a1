"""Weights of runs in the objective: each group once, or each run by how little its seed moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.runs import Floats, RunTable

SLOPE = 0.25
"""How fast the log of the noise variance may plausibly change with the log of compute: the standard deviation of the
slope before any run is seen. With few seeds it keeps the variances close to the pooled one."""
DIGITS = 9
"""Sizes that agree to so many digits are one configuration."""


def weigh(runs: RunTable, by: str) -> RunTable:
    """The runs with new weights, which multiply those they have.

    Args:
        by: `group`, each group counting as one run however many rows it has; or `seed_noise`, each run by the inverse
            variance of its log-loss between seeds, estimated by `seed_noise`.

    Weights have mean 1, so that objectives keep their size; `UsageError` lists the ways there are.
    """
    if by not in WAYS:
        raise UsageError(f"Unknown way to weigh runs {by!r}. Known: {', '.join(WAYS)}.")
    weight = runs.weight * WAYS[by](runs)
    return replace(runs, weight=weight / weight.mean())


def seed_noise(runs: RunTable) -> Floats:
    """The standard deviation of ln(loss) between seeds, for the size of every run, `[n]`.

    Runs of the same N and D are replicates, and their log-losses scatter about their own mean with variance
    v(C) = exp(a + b ln(C / C_0)), C_0 the replicates' geometric mean compute. With s_j^2 the variance and k_j the
    degrees of freedom of configuration j, (a, b) maximise the likelihood of k_j s_j^2 / v_j as chi-squares,

        sum_j -k_j/2 [ln v_j + s_j^2 / v_j] - b^2 / (2 SLOPE^2)

    so that v is the pooled variance but for a slope in size that the replicates themselves ask for.

    Replicates should differ in their seed alone: leave out runs that differ in learning rate or data. `DataError` where
    fewer than two configurations have replicates.
    """
    log_C = np.log(6.0 * runs.require("n_params") * runs.require("n_tokens"))
    log_loss = np.log(runs.loss)
    rows: dict[tuple[str, str], list[int]] = {}
    for i in range(len(runs)):
        key = (f"{runs.n_params[i]:.{DIGITS}g}", f"{runs.n_tokens[i]:.{DIGITS}g}")
        rows.setdefault(key, []).append(i)
    replicated = [np.array(some) for some in rows.values() if len(some) > 1]
    if len(replicated) < 2:
        raise DataError(
            "E_NO_REPLICATES",
            f"noise between seeds needs two configurations (N, D) with two runs or more; {len(replicated)} of "
            f"{len(rows)} have them",
            file=runs.named_files or None,
            remedy="add runs that differ in their seed alone, or weigh by group",
        )
    k = np.array([len(some) - 1.0 for some in replicated])
    s2 = np.array([log_loss[some].var(ddof=1) for some in replicated])
    if not s2.any():
        raise DataError(
            "E_NO_VARIATION",
            "replicates of every configuration have the same loss",
            column="loss",
            remedy="check that they are different runs, and not one run listed twice",
        )
    x = np.array([log_C[some[0]] for some in replicated])
    centre = float((k * x).sum() / k.sum())
    a, b = _variance_line(k, s2, x - centre)
    return np.exp(0.5 * (a + b * (log_C - centre)))


def _variance_line(k: Floats, s2: Floats, x: Floats) -> tuple[float, float]:
    """(a, b) of ln v = a + b x: Newton's method on a convex function, its steps halved until they descend."""
    X = np.stack([np.ones_like(x), x], axis=1)
    prior = np.array([0.0, SLOPE**-2])

    def cost(line: Floats) -> float:
        log_v = X @ line
        return float((0.5 * k * (log_v + s2 * np.exp(-log_v))).sum() + 0.5 * prior @ line**2)

    line = np.array([np.log((k * s2).sum() / k.sum()), 0.0])
    for _ in range(50):
        ratio = s2 * np.exp(-X @ line)
        gradient = X.T @ (0.5 * k * (1.0 - ratio)) + prior * line
        hessian = (X.T * (0.5 * k * ratio)) @ X + np.diag(prior)
        step = -np.linalg.solve(hessian, gradient)
        while cost(line + step) > cost(line) and np.abs(step).max() > 1e-12:
            step = 0.5 * step
        line = line + step
        if np.abs(step).max() < 1e-12:
            break
    return float(line[0]), float(line[1])


def _once_a_group(runs: RunTable) -> Floats:
    total: dict[str, float] = {}
    for group, weight in zip(runs.group, runs.weight, strict=True):
        total[group] = total.get(group, 0.0) + float(weight)
    return np.array([1.0 / total[group] if total[group] > 0 else 0.0 for group in runs.group])


WAYS: Mapping[str, Callable[[RunTable], Floats]] = {
    "group": _once_a_group,
    "seed_noise": lambda runs: seed_noise(runs) ** -2.0,
}
"""The ways to weigh runs."""
