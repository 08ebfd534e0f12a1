"""What a careful reader should know about a fit: a Fit -> findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalelaw.identifiability import WEAK, effects_condition, input_condition
from scalelaw.results import Finding

if TYPE_CHECKING:
    from scalelaw.fitting import Fit
    from scalelaw.laws.base import Floats
    from scalelaw.runs import RunTable

OUTLYING = 8.0
"""Robust standard deviations beyond which a residual is an outlier."""
ROUNDING = 1e-6
"""Log residuals below this are the rounding of logged losses."""
NEGLIGIBLE = 0.01
"""An irreducible loss that is not known to a factor of e and below this share of the least loss is 0 for the runs."""
COLLINEAR, ILL_CONDITIONED = 20.0, 1e3
"""D/N hardly varies where the condition number of the inputs passes the first (some +-20 % while N spans two decades)
and that of the parameters' effects the second. Chinchilla's 240 runs have 4 and 280."""
LEVERAGE, DISAGREEING = 0.5, 4.0
"""A run with more leverage than the first (Huber 1981, section 7.2.1) counts for more in its own prediction than all
others together; beyond so many standard deviations of its residual it pulls the law to itself."""
PATTERN, PATTERN_VALUES = 1e-3, 12
"""Level of the test for a pattern of residuals, and the fewest values of an input that it takes. Of 720 clean sweeps,
half of them with Student's t noise, none had one."""
SHOWN = 5
"""Runs that a sentence lists."""


def diagnose(fit: Fit) -> Iterator[Finding]:
    """Findings of a fit, most serious first within each question; the traps of studies are left to `scalelaw.check`."""
    yield from _data(fit)
    yield from _parameters(fit)
    yield from _design(fit)
    yield from _residuals(fit)
    n, groups = len(fit.runs), len(fit.runs.groups)
    if groups < n:
        message = f"{n} runs in {groups} groups: intervals take whole groups together"
        yield Finding("I_GROUPS", "info", message, (), "--group")


def _warning(code: str, message: str, knob: str = "", runs: tuple[str, ...] = ()) -> Finding:
    return Finding(code, "warning", message, runs, knob)


def _data(fit: Fit) -> Iterator[Finding]:
    certificate, n, p = fit.certificate, len(fit.runs), len(fit.law.params)
    if n < 2 * p:
        degrees = "1 degree" if n == p + 1 else f"{n - p} degrees"
        message = f"{n} runs for {p} parameters leave {degrees} of freedom: no interval is sure to hold its level"
        yield _warning("W_FEW", f"{message} below {3 * p} runs")
    if certificate.share_agreeing < 0.5:
        message = f"only {certificate.share_agreeing:.0%} of {certificate.starts} starts agree"
        yield _warning("W_STARTS", message, "--starts")


def _parameters(fit: Fit) -> Iterator[Finding]:
    certificate = fit.certificate
    for name in certificate.active_bounds:
        at = fit.estimate[name]
        what = "not distinguishable from 0 by these runs" if at == 0 else "held by the bound, not by the runs"
        yield _warning("W_AT_BOUND", f"{name} is at its bound ({at:.4g}): {what}")
    unknown = [name for name in fit.law.names if name not in certificate.active_bounds and not fit.identified(name)]
    if "E" in unknown and fit.value("E") < NEGLIGIBLE * float(fit.law.observed(fit.runs).min()):
        unknown.remove("E")
        message = f"E is at its bound 0 to within its error ({fit.value('E'):.2g}): not distinguishable from 0"
        yield _warning("W_AT_BOUND", f"{message} by these runs")
    if unknown:
        message = f"not identified by these runs (standard error above a factor e): {', '.join(unknown)}"
        yield _warning("W_UNIDENTIFIED", message)
    elif certificate.lambda_min < WEAK:
        message = f"parameters are weakly identified (lambda_min {certificate.lambda_min:.3g}, {WEAK:g} wanted)"
        yield _warning("W_WEAK", message)
    if certificate.lambda_min < WEAK:
        direction = f"the flattest direction, one standard error of it: {certificate.flattest}"
        yield Finding("I_FLAT", "info", direction)


def _design(fit: Fit) -> Iterator[Finding]:
    if not {"n_params", "n_tokens"} <= set(fit.law.inputs) or input_condition(fit.law, fit.runs) < COLLINEAR:
        return
    condition = effects_condition(fit.law, fit.theta, fit.problem.z, fit.centre)
    if condition > ILL_CONDITIONED:
        ratio = fit.runs.n_tokens / fit.runs.n_params
        spread = f"D/N lies between {ratio.min():.3g} and {ratio.max():.3g}: the terms of N and D are hardly told apart"
        message = f"{spread} (condition number > 1e3: {condition:.2g})"
        yield _warning("W_ILL_CONDITIONED", message, "--law 'power_constant(flops)', or runs of other D at one N")


def _residuals(fit: Fit) -> Iterator[Finding]:
    scatter = 1.4826 * float(np.median(np.abs(fit.residuals)))
    outlying = np.abs(fit.residuals) > max(OUTLYING * scatter, ROUNDING)
    if outlying.any():
        message = f"residuals beyond {OUTLYING:g} robust standard deviations: {_places(fit.runs, outlying)}"
        yield _warning("W_OUTLIER", message, "--exclude", _names(fit.runs, outlying))
    if scatter < ROUNDING:
        return
    yield from _leverage(fit, scatter)
    for name, values in zip(fit.law.inputs, fit.law.read(fit.runs).T, strict=True):
        if name in fit.law.continuous and has_pattern(fit, values):
            message = f"residual pattern in {name}: neighbouring runs lie on the same side of the law"
            yield _warning("W_LACK_OF_FIT", message, "another --law, or runs of one regime")


def _leverage(fit: Fit, scatter: float) -> Iterator[Finding]:
    h = leverage(fit)
    n, p = len(fit.runs), len(fit.law.params)
    apart = np.abs(fit.residuals) / (scatter * np.sqrt(n / max(n - p, 1) * np.maximum(1 - h, 1e-12)))
    pulling = (h > LEVERAGE) & (apart > DISAGREEING)
    if pulling.any():
        weight, off = f"leverage {h[pulling].max():.2f} of 1", f"{apart[pulling].max():.2g} standard deviations"
        message = f"one run may decide the fit: {_places(fit.runs, pulling)} has {weight} and lies {off} off the law"
        yield _warning("W_LEVERAGE", message, "--exclude", _names(fit.runs, pulling))


def leverage(fit: Fit) -> Floats:
    """How much of each run's predicted log-loss is its own, `[n]`: the diagonal of J (J'WJ)^-1 J'W, within 0 and 1."""
    J = fit.law.derivatives(fit.theta[None], fit.problem.z)[1][0] * np.sqrt(fit.runs.weight)[:, None]
    norms = np.linalg.norm(J, axis=0)
    basis, sizes, _ = np.linalg.svd(J[:, norms > 0] / norms[norms > 0], full_matrices=False)
    return np.asarray((basis[:, sizes > 1e-12 * sizes[0]] ** 2).sum(axis=1))


def has_pattern(fit: Fit, values: Floats) -> bool:
    """Whether residuals that are neighbours in an input are more alike than chance makes them.

    The rank version of von Neumann's ratio, RVN = sum (R_i - R_i+1)^2 / sum (R_i - mean)^2, R_i the rank of the i-th
    mean residual in order of the input; about normal with mean 2. Ranks make outliers harmless. Runs that share a group
    or a value count as one, for they share their noise.

    Source: Bartels 1982, Journal of the American Statistical Association 77, section 2.
    """
    from scipy.special import ndtr
    from scipy.stats import rankdata

    place = {name: i for i, name in enumerate(fit.runs.groups)}
    group = np.array([place[name] for name in fit.runs.group])
    means = [np.bincount(group, column) / np.bincount(group) for column in (np.log(values), fit.residuals)]
    distinct, which = np.unique(np.round(means[0], 9), return_inverse=True)
    n = len(distinct)
    if n < PATTERN_VALUES:
        return False
    rank = rankdata(np.bincount(which, means[1]) / np.bincount(which))
    ratio = float((np.diff(rank) ** 2).sum() / ((rank - rank.mean()) ** 2).sum())
    variance = 4 * (n - 2) * (5 * n**2 - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
    return bool(ndtr((ratio - 2) / np.sqrt(variance)) < PATTERN)


def _names(runs: RunTable, rows: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(runs.run_id[i] for i in np.flatnonzero(rows))


def _places(runs: RunTable, rows: NDArray[np.bool_]) -> str:
    """Runs by name, with the line of each where its file has lines."""
    at = np.flatnonzero(rows).tolist()
    told = [f"{runs.run_id[i]} (line {runs.line[i]})" if runs.line[i] else runs.run_id[i] for i in at[:SHOWN]]
    return ", ".join(told) + (f" and {len(at) - SHOWN} more" if len(at) > SHOWN else "")
