"""A law carried over to another data set by a few runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares, lsq_linear

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import Fit, fit
from scalelaw.intervals.base import LEVEL, check_level
from scalelaw.intervals.bootstrap import bootstrap
from scalelaw.laws import get_law
from scalelaw.loss2loss.relating import KAPLAN, curve
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats, RunTable

FEWEST = 3
"""Runs that K and E_y need, one being left over."""
ALONE = ("chinchilla", "A / (N^a * D^b)", "power_law(flops)")
"""Laws that runs are extrapolated by on their own, the first that they can hold."""
STARTS = (0.0, 0.5, 0.9)
"""First guesses of E_y as shares of the least loss; the published start is 0."""


@dataclass(frozen=True)
class Translation:
    """The law of x seen through L_y = K (L_x - E_x)^kappa + E_y: a law of y at any N and D.

    Attributes:
        surface: the law fitted to x.
        few: the runs on y.
        values: kappa, K, E_x, E_y.
        held: whether kappa was held and not fitted.
    """

    surface: Fit
    few: RunTable
    values: Floats
    held: bool

    def predict(self, n_params: ArrayLike, n_tokens: ArrayLike) -> Floats:
        """The loss on y, nats per token."""
        return np.asarray(curve(self.values[None], self.surface.predict(n_params=n_params, n_tokens=n_tokens))[0])

    @property
    def natural(self) -> Mapping[str, float] | None:
        """The law of y in the form of x's: E, A, B, alpha, beta; None where the form does not survive.

        Kaplan's form E + [(A/N)^(alpha/beta) + B/D]^beta does: A' = A K^(1/(kappa alpha)), B' = B K^(1/(kappa beta)),
        alpha' = kappa alpha, beta' = kappa beta, E' = E_y. Chinchilla's does only at kappa = 1. Either way the best N
        and D for a budget stay those of x, since L_y rises with L_x.
        """
        if self.surface.law.label != get_law(KAPLAN).label:
            return None
        kappa, K, _, E_y = self.values
        A, B, alpha, beta = (self.surface.value(name) for name in ("A", "B", "alpha", "beta"))
        scaled = {"A": A * K ** (1 / (kappa * alpha)), "B": B * K ** (1 / (kappa * beta))}
        return {
            name: float(v) for name, v in {"E": E_y, **scaled, "alpha": kappa * alpha, "beta": kappa * beta}.items()
        }

    def prediction_interval(
        self, n_params: float, n_tokens: float, *, level: float = LEVEL, replicates: int = 400, seed: int = 0
    ) -> Interval | Unavailable:
        """Where the loss of a new run on y will land.

        The law of x is fitted again to resampled runs; the few are drawn about the translated law with residuals of
        the law of x, since so few cannot tell how runs scatter; so is the new run.
        """
        check_level(level)
        target = f"loss at N {n_params:.3g}, D {n_tokens:.3g}"
        draws = bootstrap(self.surface, replicates, seed=seed).natural
        law, rng = self.surface.law, np.random.default_rng([seed, 3])
        residuals = self.surface.residuals - self.surface.residuals.mean()
        n, p = len(residuals), len(law.params)
        scatter = residuals * np.sqrt(n / (n - p))
        inputs = np.vstack([law.read(self.few), [[n_params, n_tokens]]])
        noise = rng.choice(scatter, (replicates, len(inputs)))
        centre = np.log(self.predict(self.few.n_params, self.few.n_tokens))
        found = np.full(replicates, np.nan)
        for i in np.flatnonzero(np.isfinite(draws).all(axis=1)):
            given = law.predict(draws[i : i + 1], inputs)[0]
            E_x = draws[i, law.names.index("E")]
            losses = np.exp(centre + noise[i, :-1])
            values = _through(given[:-1], losses, E_x, self.values[0] if self.held else None, self.values)
            found[i] = curve(values[None], given[-1:])[0, 0] * np.exp(noise[i, -1])
        known = np.isfinite(found)
        tail = (1 - level) / 2
        if (~known).sum() > tail * replicates:
            return Unavailable(target, f"{(~known).sum()} of {replicates} replicates have no such value", "nats/token")
        low, high = np.quantile(found[known], [tail, 1 - tail])
        known_kappa = f", kappa taken to be {self.values[0]:g}" if self.held else ""
        method = (
            f"refits of the law of x to resampled runs, the {len(self.few)} runs on y redrawn with its residuals"
            f"{known_kappa}, percentile, {replicates} replicates, seed {seed}"
        )
        estimate = float(self.predict(n_params, n_tokens)[0])
        return Interval(target, estimate, float(low), float(high), level, method, "nats/token", "prediction")


def translate(surface: Fit, few: RunTable, kappa: float | Literal["free"] = 1.0) -> Translation:
    """Fit K, E_y and, where it is free, kappa to a few runs on y, E_x and L_x(N, D) being those of the law of x.

    Least squares of the raw loss with 0 <= E_y <= min L_y and kappa, K >= 0.

    Args:
        kappa: what it is held at, or `free`. Small runs cannot tell kappa from E_y: free, it is wild and predicts worse
            than at 1, near which the published pairs of corpora lie (0.94 to 1.10); `docs/loss2loss.md` has numbers.

    Raises:
        UsageError: for a law of x without N, D and E.
        DataError: for fewer than three runs.

    Source: Brandfonbrener et al. 2024, arXiv 2411.12925, section on translating scaling laws.
    """
    if "E" not in surface.law.names or set(surface.law.inputs) != {"n_params", "n_tokens"}:
        raise UsageError(f"Only a law of N and D with a parameter E is translated; found {surface.law.label}.")
    if len(few) < FEWEST:
        raise DataError(
            "E_TOO_FEW_RUNS",
            f"K and E_y need {FEWEST} runs; found {len(few)}",
            file=few.named_files or None,
            remedy="train more small runs on the new data",
        )
    loss_x = surface.predict(n_params=few.n_params, n_tokens=few.n_tokens)
    held = None if kappa == "free" else kappa
    return Translation(surface, few, _through(loss_x, few.loss, surface.value("E"), held), held is not None)


def _through(
    loss_x: Floats, loss_y: Floats, E_x: float, held: float | None = None, start: Floats | None = None
) -> Floats:
    """kappa, K, E_x, E_y of least squares through a few losses, with kappa `held` or free."""
    reducible, least = np.log(loss_x - E_x), loss_y.min()
    if held is not None:
        columns = np.column_stack([np.exp(held * reducible), np.ones(len(loss_y))])
        K, E_y = lsq_linear(columns, loss_y, bounds=([0.0, 0.0], [np.inf, least])).x
        return np.array([held, K, E_x, E_y])

    def misfit(free: Floats) -> Floats:
        return np.asarray(free[1] * np.exp(free[0] * reducible) + free[2] - loss_y)

    low, high = np.zeros(3), np.array([np.inf, np.inf, least])
    starts = [np.array([1.0, 1.0, share * least]) for share in STARTS] if start is None else [start[[0, 1, 3]]]
    tries = [least_squares(misfit, np.clip(one, low + 1e-6, high), bounds=(low, high)) for one in starts]
    kappa, K, E_y = min(tries, key=lambda found: float(found.cost)).x
    return np.array([kappa, K, E_x, E_y])


def extrapolate(few: RunTable, n_params: float, n_tokens: float) -> tuple[float, str] | Unavailable:
    """What the few runs alone predict, nats per token, and by which law: the first of `ALONE` that they can hold."""
    refusal = "no law was tried"
    for law in ALONE:
        try:
            found = fit(law, few, "log_least_squares")
        except DataError as error:
            refusal = str(error)
        else:
            given = {"n_params": n_params, "n_tokens": n_tokens, "flops": 6.0 * n_params * n_tokens}
            loss = found.predict(**{name: given[name] for name in found.law.inputs})[0]
            return float(loss), found.law.label
    return Unavailable("direct extrapolation", refusal, "nats/token")
