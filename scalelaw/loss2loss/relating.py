"""The verb: pairs of losses -> the law between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import STARTS, Fit, fit
from scalelaw.laws import Law, get_law
from scalelaw.loss2loss.pairing import Pairs
from scalelaw.objectives import Objective
from scalelaw.runs import Floats, RunTable

KAPLAN = "E + ((A/N)^(alpha/beta) + B/D)^beta"
"""Kaplan's form with an irreducible loss, the surface of Brandfonbrener et al. 2024; `kaplan` stands for it here."""
NAMES = ("kappa", "K", "E_x", "E_y")
UNITS: Mapping[str, str] = dict(zip(NAMES, ("", "nats/token^(1-kappa)", "nats/token", "nats/token"), strict=True))


@dataclass(frozen=True)
class Relation:
    """L_y = K (L_x - E_x)^kappa + E_y fitted to pairs.

    Attributes:
        pairs: what it was fitted to.
        values: kappa, K, E_x, E_y in the order of `NAMES`.
        irreducible: how E_x and E_y were had, a sentence.
        fits: the two surfaces where E_x and E_y are theirs, the fit of the relation where all is free, else empty.
    """

    pairs: Pairs
    values: Floats
    irreducible: str
    fits: tuple[Fit, ...] = ()

    def value(self, name: str) -> float:
        """One of `NAMES`; `UsageError` lists them."""
        if name not in NAMES:
            raise UsageError(f"Unknown parameter {name!r} of a loss-to-loss law. Known: {', '.join(NAMES)}.")
        return float(self.values[NAMES.index(name)])

    def predict(self, loss_x: ArrayLike) -> Floats:
        """L_y in nats per token at L_x in nats per token; NaN at and below E_x."""
        return np.asarray(curve(self.values[None], np.atleast_1d(np.asarray(loss_x, dtype=float)))[0])

    @property
    def residuals(self) -> Floats:
        """ln(observed / predicted) of L_y, pair by pair."""
        return np.asarray(np.log(self.pairs.loss_y / self.predict(self.pairs.loss_x)))

    @property
    def r_squared(self) -> float:
        """The share of the variance of L_y, in nats per token, that the relation explains."""
        y = self.pairs.loss_y
        return float(1.0 - ((y - self.predict(self.pairs.loss_x)) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def relate(
    pairs: Pairs,
    irreducible: str | tuple[float, float] = "surface",
    *,
    law: str | Law = "chinchilla",
    objective: str | Objective = "auto",
    starts: int = STARTS,
    seed: int = 0,
) -> Relation:
    """Fit L_y = K (L_x - E_x)^kappa + E_y to pairs.

    With both E known, ln K and kappa are those of least squares of ln(L_y - E_y) on ln(L_x - E_x).

    Args:
        irreducible: `surface` takes E_x and E_y from `law` fitted to all runs of either table; `free` fits all four to
            the pairs; two numbers are E_x and E_y in nats per token.
        law: of N and D with a parameter E, such as `chinchilla`; `kaplan` is Kaplan's form with E added.

    Raises:
        DataError: where a loss is not above its irreducible loss, or a surface cannot be fitted.

    Source: Brandfonbrener et al. 2024, arXiv 2411.12925.
    """
    if irreducible == "free":
        return _free(pairs, objective, starts, seed)
    if irreducible == "surface":
        fits = tuple(fit_surface(table, law, objective, starts=starts, seed=seed) for table in (pairs.x, pairs.y))
        E_x, E_y = (found.value("E") for found in fits)
        how = f"E of {fits[0].law.label} fitted to each set"
    elif isinstance(irreducible, tuple):
        fits, (E_x, E_y), how = (), irreducible, "given"
    else:
        raise UsageError(f"Irreducible losses are 'surface', 'free' or two numbers; found {irreducible!r}.")
    for name, E, loss in (("E_x", E_x, pairs.loss_x), ("E_y", E_y, pairs.loss_y)):
        if loss.min() <= E:
            raise DataError(
                "E_IRREDUCIBLE",
                f"{name} = {E:.6g} nats/token is not below the least paired loss, {loss.min():.6g}",
                remedy="give irreducible losses below every loss, or let them be free",
            )
    logs = np.log(pairs.loss_x - E_x)[None], np.log(pairs.loss_y - E_y)[None]
    kappa, log_K = lines(*logs, np.ones((1, len(pairs))))
    return Relation(pairs, np.array([kappa[0], np.exp(log_K[0]), E_x, E_y]), how, fits)


def fit_surface(
    runs: RunTable, law: str | Law, objective: str | Objective = "auto", *, starts: int = STARTS, seed: int = 0
) -> Fit:
    """A law of N and D with a parameter E, fitted; `UsageError` for a law without one."""
    law = get_law(KAPLAN if law == "kaplan" else law)
    if "E" not in law.names or set(law.inputs) != {"n_params", "n_tokens"}:
        raise UsageError(f"A surface is a law of N and D with a parameter E; found {law.label}: {law.formula}.")
    return fit(law, runs, objective, starts=starts, seed=seed)


def curve(values: Floats, loss_x: Floats) -> Floats:
    """L_y for members `values[b, 4]` at `loss_x[n]`, `[b, n]`; NaN at and below E_x."""
    kappa, K, E_x, E_y = (values[:, i, None] for i in range(4))
    reducible = np.where(loss_x > E_x, loss_x - E_x, np.nan)
    return np.asarray(K * reducible**kappa + E_y)


def lines(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Slope and intercept of weighted least squares of y on x, all `[b, n]`; NaN where one x alone has weight."""
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = ((weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
        slope = (weights * (x - mean_x) * (y - mean_y)).sum(axis=1) / (weights * (x - mean_x) ** 2).sum(axis=1)
    return slope, mean_y[:, 0] - slope * mean_x[:, 0]


def _free(pairs: Pairs, objective: str | Objective, starts: int, seed: int) -> Relation:
    table = RunTable.of(loss=pairs.loss_y, extras={"loss_x": pairs.loss_x})
    found = fit("shifted_power(loss_x)", table, objective, starts=starts, seed=seed)
    values = np.array([found.value(name) for name in NAMES])
    return Relation(pairs, values, "free, fitted to the pairs with kappa and K", (found,))
