"""What runs can and cannot tell about a law: refusals before a fit, and how well each parameter is known after it.

Thresholds are those measured over 9,000 simulated data sets: with lambda_min, the smallest eigenvalue of J'J/s^2 in
log-parameters, below 1 the worst exponent was off by 89 % in the median, between 1 and 16 by about 25 %, above 100 by
3 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import DataError
from scalelaw.laws.base import Floats, Law
from scalelaw.runs import RunTable

UNIDENTIFIED, WEAK = 1.0, 16.0
"""Thresholds of lambda_min."""
MIN_SPAN = 1.5
"""An exponent cannot be had from an input that spans a smaller factor than this."""
MAX_CONDITION = 1e5
"""Beyond this condition number of the centred logs of the inputs their terms cannot be told apart."""
RISING = 5.0
"""Standard errors of a slope beyond which a loss rises with an input."""


def refuse_hopeless(law: Law, runs: RunTable) -> None:
    """Raise `DataError` where no fit of this law to these runs can mean anything."""
    _refuse_bad_responses(law, runs)
    n, p = len(runs), len(law.params)
    if n <= p:
        rows = "1 row" if n == 1 else f"{n} rows"
        raise DataError(
            "E_TOO_FEW",
            f"{rows} for {p} parameters of {law.label}: a fit needs at least {p + 1}, and {3 * p} to be worth much",
            file=_files(runs),
            remedy="add runs, or fit a law with fewer parameters such as power_constant",
        )
    observed = law.observed(runs)
    if np.ptp(observed) == 0:
        raise DataError(
            "E_NO_VARIATION",
            f"all {n} values of {law.response} are equal",
            file=_files(runs),
            column=law.response,
            value=observed[0],
            remedy="check that the column holds each run's own loss",
        )
    for name, values in zip(law.inputs, law.read(runs).T, strict=True):
        if name in law.continuous:
            _refuse_narrow(law, runs, name, values)
    _refuse_collinear(law, runs)


def _files(runs: RunTable) -> str | None:
    return runs.named_files or None


def _refuse_bad_responses(law: Law, runs: RunTable) -> None:
    observed = law.observed(runs)
    bad = np.flatnonzero(~(np.isfinite(observed) & (observed > 0)))
    if len(bad):
        run, value = runs.run(int(bad[0])), float(observed[bad[0]])
        raise DataError(
            "E_NOT_POSITIVE" if np.isfinite(value) else "E_NON_FINITE",
            f"the {law.response} of {run.run_id} must be a positive number",
            file=run.file or None,
            line=run.line or None,
            column=law.response,
            value=value,
            remedy="correct the value or exclude the run",
        )


def _refuse_narrow(law: Law, runs: RunTable, name: str, values: Floats) -> None:
    distinct = len(np.unique(values))
    # Two terms (a constant and a power) need three distinct values of each input.
    if distinct < 3:
        raise DataError(
            "E_UNIDENTIFIED",
            f"{distinct} distinct {name}; 3 needed to tell {', '.join(_confounded(law, runs))} apart",
            file=_files(runs),
            line=int(runs.line[0]) or None,
            column=name,
            value=f"{values[0]:g}" if distinct == 1 else f"{values.min():g} and {values.max():g}",
            remedy=_alternative(law, name),
        )
    span = float(values.max() / values.min())
    if name.startswith(("n_", "flops")) and span < MIN_SPAN:
        raise DataError(
            "E_UNIDENTIFIED",
            f"{name} spans {span:.2g}x; an exponent cannot be had from less than {MIN_SPAN:g}x",
            file=_files(runs),
            column=name,
            value=f"{values.min():g} to {values.max():g}",
            remedy=_alternative(law, name),
        )


def _confounded(law: Law, runs: RunTable) -> list[str]:
    """The parameters whose effects on these runs can add up to nothing; the constant comes last."""
    inputs, loss = law.read(runs), law.observed(runs)
    z = law.coordinates(inputs, law.centre(inputs))
    J = law.derivatives(law.starts(z, loss, 1, np.random.default_rng(0)), z)[1][0]
    if not np.isfinite(J).all():
        return list(law.names)
    norms = np.linalg.norm(J, axis=0)
    _, sizes, directions = np.linalg.svd(J / np.where(norms == 0, 1.0, norms), full_matrices=False)
    lost = directions[len(sizes[sizes > 1e-10 * sizes[0]]) :]
    moved = (norms == 0) | (np.abs(lost).max(axis=0, initial=0.0) > 1e-6)
    names = [name for name, has_moved in zip(law.names, moved, strict=True) if has_moved] or list(law.names)
    return sorted(names, key=lambda name: name == "E")


def _refuse_collinear(law: Law, runs: RunTable) -> None:
    condition = input_condition(law, runs)
    if condition > MAX_CONDITION:
        ratio = np.median(runs.n_tokens / runs.n_params)
        raise DataError(
            "E_UNIDENTIFIED",
            f"D/N constant at {ratio:.3g}: their terms cannot be told apart (condition number {condition:.1g})",
            file=_files(runs),
            column="n_params, n_tokens",
            remedy="vary D at fixed N, or fit the one-variable law --law 'power_constant(flops)'",
        )


def refuse_wrong_sign(law: Law, runs: RunTable, theta: Floats, z: Floats) -> None:
    """Raise `DataError` where an exponent ended at its bound 0 and the loss clearly rises with its input.

    The loss rises with an input where the slope of ln L in its logarithm, least squares on all inputs, is above 0 by
    more than `RISING` standard errors. An exponent belongs to the input that its effect follows most.
    """
    low = law.bounds(z)[0]
    stuck = [i for i, at in enumerate(theta) if at <= low[i] == 0 and not law.params[i].unit]
    if not stuck or not all(name in law.continuous for name in law.inputs):
        return
    slopes, errors = _slopes(z, np.log(law.observed(runs)))
    J = law.derivatives(theta[None], z)[1][0][:, stuck]
    follows = np.abs(J.T @ (z / np.maximum(np.linalg.norm(z, axis=0), 1e-300))).argmax(axis=1)
    for i, k in zip(stuck, follows.tolist(), strict=True):
        if slopes[k] > RISING * errors[k]:
            rise = f"{100 * (10 ** slopes[k] - 1):.3g} % per decade"
            raise DataError(
                "E_WRONG_SIGN",
                f"the {law.response} rises with {law.inputs[k]} ({rise}), where {law.label} falls: "
                f"{law.names[i]} at its bound, 0",
                file=_files(runs),
                column=law.response,
                remedy=f"check that the column is a loss, or fit a law without {law.inputs[k]}",
            )


def _slopes(z: Floats, log_y: Floats) -> tuple[Floats, Floats]:
    """Slopes of ln y in the columns of z, `[k]`, by least squares with a constant, and their standard errors."""
    X = np.column_stack([np.ones(len(z)), z])
    solution = np.linalg.lstsq(X, log_y, rcond=None)[0]
    rest = log_y - X @ solution
    variance = (rest @ rest) / max(len(z) - X.shape[1], 1) * np.diag(np.linalg.pinv(X.T @ X))
    return np.asarray(solution[1:]), np.asarray(np.sqrt(variance)[1:])


def _alternative(law: Law, name: str) -> str:
    others = [x for x in law.continuous if x != name]
    if not others:
        return f"add runs with other values of {name}"
    return f"add runs with other values of {name}, or fit --law 'power_constant({others[0]})'"


def input_condition(law: Law, runs: RunTable) -> float:
    """Condition number of the centred, scaled logs of the inputs that are no names; 1 for a single one."""
    inputs = law.read(runs)[:, [name in law.continuous for name in law.inputs]]
    if inputs.shape[1] < 2:
        return 1.0
    z = np.log(inputs) - np.log(inputs).mean(axis=0)
    return float(np.linalg.cond(z / np.linalg.norm(z, axis=0)))


def effects_condition(law: Law, theta: Floats, z: Floats, centre: Floats) -> float:
    """Condition number of the effects on ln L of the logarithms of the natural parameters, each scaled to one.

    Natural parameters are measured from inputs of 1, far from the runs, so that it is larger than that of a fit in
    working parameters: 280 for Chinchilla's 240 runs.
    """
    steps = law.log_steps(theta)
    J = law.derivatives(theta[None], z)[1][0] * steps
    index = np.flatnonzero(np.linalg.norm(J, axis=0) > 0)
    slopes = _log_slopes(law, theta, centre, index)
    effects = J[:, index] @ np.linalg.pinv(slopes.T)
    return float(np.linalg.cond(effects / np.linalg.norm(effects, axis=0)))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """How well runs pin a law down at an estimate: see `Certificate` for the fields."""

    condition: float
    lambda_min: float
    log_errors: Floats
    flattest: str


def knowledge(law: Law, theta: Floats, z: Floats, centre: Floats, residual: Floats, w: Floats) -> Knowledge:
    """The eigenvalues of J'J/s^2 in log-parameters, over the parameters that are not exactly zero.

    Args:
        theta: working parameters, `[p]`; z: coordinates `[n, k]`; residual: log residuals `[n]`; w: weights `[n]`.

    s is the standard deviation of the log residuals, from 1.4826 times their median absolute value so that outliers
    do not hide what the bulk knows, with n - p degrees of freedom.
    """
    n, p = len(residual), len(theta)
    J = law.derivatives(theta[None], z)[1][0] * np.sqrt(w / w.mean())[:, None]
    s = 1.4826 * np.median(np.abs(residual)) * np.sqrt(n / max(n - p, 1))
    s = max(s, 1e-12)
    norms = np.linalg.norm(J, axis=0)
    used = norms > 0
    condition = float(np.linalg.cond(J[:, used] / norms[used]))
    steps = law.log_steps(theta)
    index = np.flatnonzero(used & (steps != 0))
    G = J[:, index] * steps[index] / s
    eigenvalues, directions = np.linalg.eigh(G.T @ G)
    slope = _log_slopes(law, theta, centre, index)
    errors = np.full(p, np.inf)
    errors[index] = np.sqrt(np.diag(slope.T @ np.linalg.pinv(G.T @ G, hermitian=True) @ slope))
    least = float(max(eigenvalues[0], 0.0))
    moves = slope.T @ directions[:, 0] / np.sqrt(max(least, 1e-300))
    return Knowledge(condition, least, errors, _in_words([law.names[i] for i in index], moves))


def _log_slopes(law: Law, theta: Floats, centre: Floats, index: NDArray[np.intp]) -> Floats:
    """d ln(natural) / d ln(working) over the parameters `index`, by central differences, `[working, natural]`."""
    steps = law.log_steps(theta)
    h = 1e-6
    moved = np.stack([theta + sign * h * steps * (np.arange(len(theta)) == j) for j in index for sign in (1, -1)])
    with np.errstate(divide="ignore", invalid="ignore"):
        log_natural = np.log(np.abs(law.natural(moved, centre)))[:, index]
    return np.asarray((log_natural[0::2] - log_natural[1::2]) / (2 * h))


def _in_words(names: list[str], moves: Floats) -> str:
    """A direction in log-parameters as a clause, `moves[p]` being one standard error along it."""
    moves = moves * np.sign(moves[np.argmax(np.abs(moves))])
    order = [i for i in np.argsort(-np.abs(moves)) if abs(moves[i]) >= 0.05 * np.abs(moves).max()]
    parts = [f"{names[i]} {'rises' if moves[i] > 0 else 'falls'} {_by(abs(moves[i]))}" for i in order]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _by(log_factor: float) -> str:
    factor = np.exp(min(log_factor, 700.0))
    return f"{100 * (factor - 1):.2g} %" if factor < 2 else f"{factor:.3g}-fold"
