"""The posterior by Markov chain Monte Carlo: what the runs leave possible under a stated noise and flat priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import gammaln

from scalelaw.errors import MissingExtraError
from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, is_grouped
from scalelaw.intervals.base import Method, Refused, Uncertainty
from scalelaw.intervals.draws import Draws
from scalelaw.laws.base import Floats

WALKERS = 32
CHUNK = 1000
"""Steps between looks at the chain."""
MOST = 40_000
"""Steps after which a chain that has not mixed is given up."""
MIXED = 1.01
"""Split R-hat below which the walkers agree (Vehtari et al. 2021, arXiv 1903.08008, section 4)."""
LONG_ENOUGH = 50
"""Autocorrelation times a chain must span for the estimate of that time to be trusted (emcee's own rule)."""


@dataclass(frozen=True)
class Posterior(Method):
    """An affine-invariant ensemble over (theta, ln s, 1/nu), with r the log residuals and weights w:

        r_i ~ s / sqrt(w_i) times Student's t(nu)  or a normal deviate,    p(theta) flat within the law's bounds,
        p(s) = 1/s,    p(1/nu) flat on (0, 1/2)

    Flat priors are improper: where the runs do not identify the law the chain wanders, and the answer is refused.

    Source: Goodman & Weare 2010; Foreman-Mackey et al. 2013, arXiv 1202.3665 (emcee).

    Attributes:
        likelihood: `student`, which outliers hardly move, or `gaussian`.
    """

    likelihood: Literal["student", "gaussian"] = "student"
    name = "posterior"
    description = "posterior under flat priors and Student noise, by emcee (an optional part): seconds"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """A chain as long as it takes to mix, thinned to `replicates`."""
        try:
            import emcee
        except ImportError:
            raise MissingExtraError("The posterior", "posterior") from None
        method = f"posterior, flat priors, {self.likelihood} noise"
        if is_grouped(fit):
            reason = (
                "its likelihood takes runs as independent and rows share groups; sandwich and jackknife take groups"
            )
            return Refused(fit, method, reason)
        linear = Linear.of(fit)
        if not linear.known or not linear.variance > 0:
            return Refused(fit, method, "the runs do not determine every parameter, or lie on the law exactly")
        chain, steps, time, rhat = self._sample(emcee, fit, linear, seed)
        if not (rhat < MIXED and steps >= LONG_ENOUGH * time):
            return Refused(fit, method, f"the chain had not mixed after {steps} steps (R-hat {rhat:.3f})")
        flat = chain.reshape(-1, chain.shape[-1])
        kept = np.linspace(0, len(flat) - 1, replicates).round().astype(np.intp)
        natural = fit.law.natural(flat[kept][:, : len(fit.theta)], fit.centre)
        how = f"{WALKERS} walkers, {steps} steps, autocorrelation time {time:.0f}, R-hat {rhat:.3f}, seed {seed}"
        return Draws(fit, natural, f"{method}, percentile, {how}", seed)

    def _sample(self, emcee: Any, fit: Fit, linear: Linear, seed: int) -> tuple[Floats, int, float, float]:
        """The second half of the chain, `[steps, walkers, dimensions]`, its steps, autocorrelation time and R-hat."""
        rng = np.random.default_rng([seed, 6])
        root = np.linalg.cholesky(linear.inverse * linear.variance)
        low, high = fit.law.bounds(fit.problem.z)
        inner = [np.clip(fit.theta + 0.5 * root @ rng.standard_normal(len(root)), low, high) for _ in range(WALKERS)]
        noise = np.column_stack([np.log(linear.variance) / 2 + 0.1 * rng.standard_normal(WALKERS)])
        start = np.column_stack([np.array(inner), noise])
        if self.likelihood == "student":
            start = np.column_stack([start, rng.uniform(0.1, 0.4, WALKERS)])
        sampler = emcee.EnsembleSampler(
            WALKERS, start.shape[1], self._log_posterior, args=(fit, low, high), vectorize=True
        )
        sampler.random_state = np.random.RandomState(rng.integers(2**31)).get_state()
        state: Any = start
        while True:
            state = sampler.run_mcmc(state, CHUNK, skip_initial_state_check=True)
            steps = sampler.iteration
            half: Floats = sampler.get_chain(discard=steps // 2)
            time, rhat = float(np.max(emcee.autocorr.integrated_time(half, tol=0))), split_rhat(half)
            if steps >= MOST or (rhat < MIXED and len(half) >= LONG_ENOUGH * time):
                return half, len(half), time, rhat

    def _log_posterior(self, x: Floats, fit: Fit, low: Floats, high: Floats) -> Floats:
        p = len(fit.theta)
        theta, log_s = x[:, :p], x[:, p, None]
        inside = ((theta >= low) & (theta <= high)).all(axis=1)
        w = fit.runs.weight
        with np.errstate(all="ignore"):
            u = (fit.law.log_loss(theta, fit.problem.z) - fit.problem.log_y) * np.sqrt(w) / np.exp(log_s)
            if self.likelihood == "student":
                inverse = x[:, p + 1, None]
                inside &= ((inverse > 0) & (inverse < 0.5))[:, 0]
                nu = 1.0 / inverse
                shape = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
                density = shape - (nu + 1) / 2 * np.log1p(u * u / nu)
            else:
                density = -0.5 * u * u
            total = (density - log_s).sum(axis=1)
        return np.where(inside & np.isfinite(total), total, -np.inf)


def split_rhat(chain: Floats) -> float:
    """The largest split R-hat over the dimensions of `chain[steps, walkers, dimensions]`.

    Source: Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., eq. 11.1-11.4.
    """
    n = len(chain) // 2
    halves = np.concatenate([chain[:n], chain[n : 2 * n]], axis=1)
    within = halves.var(axis=0, ddof=1).mean(axis=0)
    between = halves.mean(axis=0).var(axis=0, ddof=1)
    return float(np.sqrt((n - 1) / n + between / within).max())


KIND = Posterior()
