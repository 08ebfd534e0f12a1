"""Laws written as a formula: derivatives come from the text, first guesses from its linear part."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy.optimize import nnls

from scalelaw.laws._expression import Expression, parse
from scalelaw.laws._jets import Jet, log
from scalelaw.laws.base import Floats, Law, Param


class FormulaLaw(Law):
    """L = a formula of columns and parameters, such as `E + A / N^alpha`.

    A parameter that stands alone as a term, or that appears in an exponent, or that may be negative, is fitted as it
    is; any other is fitted as its logarithm. Coordinates are the inputs themselves. Derivatives, first and second, are
    exact: they follow the formula by forward differentiation.
    """

    def __init__(
        self,
        formula: str,
        params: Sequence[Param] | None = None,
        *,
        name: str = "",
        source: str = "given by the user",
        response: str = "loss",
        response_unit: str = "nats/token",
    ) -> None:
        self.expression: Expression = parse(formula, None if params is None else tuple(param.name for param in params))
        self.params = tuple(params) if params else tuple(Param(name, "", "") for name in self.expression.parameters)
        self.name, self.source = name or self.expression.text, source
        self.response, self.response_unit = response, response_unit
        self.formula = f"{'L' if response == 'loss' else response} = {self.expression.text}"
        self.inputs = self.expression.inputs

    @cached_property
    def _plain(self) -> Floats:
        """1 for a parameter that is fitted as it is, 0 for one fitted as its logarithm, `[p]`."""
        alone = {term.id for term in self.expression.terms() if isinstance(term, ast.Name)}
        for node in ast.walk(self.expression.tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
                alone |= {inner.id for inner in ast.walk(node.right) if isinstance(inner, ast.Name)}
        return np.array([param.low < 0 or param.name in alone for param in self.params], dtype=float)

    def centre(self, inputs: Floats) -> Floats:
        """Nothing is centred."""
        return np.zeros(inputs.shape[1])

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """The inputs as they are, `[n, k]`."""
        return inputs

    def _jet(self, z: Floats, seeds: Sequence[Jet]) -> Jet:
        """The formula for parameters given as jets, `[b, 1]` each."""
        values = {name: Jet(z[:, k]) for k, name in enumerate(self.inputs)}
        return self.expression.evaluate({**values, **dict(zip(self.names, seeds, strict=True))})

    def _log_jet(self, theta: Floats, z: Floats) -> Jet:
        natural = self.natural(theta, np.zeros(0))
        seeds = [
            Jet(p[:, None], {i: np.ones((1, 1))}) if plain else Jet(p[:, None], {i: p[:, None]}, {(i, i): p[:, None]})
            for i, (p, plain) in enumerate(zip(natural.T, self._plain, strict=True))
        ]
        with np.errstate(all="ignore"):
            return log(self._jet(z, seeds))

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln of the formula, `[b, n]`; NaN where it is not positive."""
        value = self._jet(z, [Jet(p[:, None]) for p in self.natural(theta, np.zeros(0)).T]).value
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.log(value), (len(theta), len(z)))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln of the formula and its exact gradient."""
        jet = self._log_jet(theta, z)
        gradient = np.zeros((len(theta), len(z), theta.shape[1]))
        for i, entry in jet.gradient.items():
            gradient[:, :, i] = entry
        return np.broadcast_to(jet.value, gradient.shape[:2]), gradient

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats:
        """The sum over runs of q times the exact Hessian."""
        hessian = np.zeros((len(theta), theta.shape[1], theta.shape[1]))
        for (i, j), entry in self._log_jet(theta, z).hessian.items():
            hessian[:, i, j] = hessian[:, j, i] = (q * entry).sum(axis=1)
        return hessian

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The range of each parameter, or of its logarithm."""
        with np.errstate(divide="ignore"):
            low = [p.low if plain else np.log(p.low) for p, plain in zip(self.params, self._plain, strict=True)]
            high = [p.high if plain else np.log(p.high) for p, plain in zip(self.params, self._plain, strict=True)]
        return np.array(low), np.array(high)

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """Exponentials of the parameters fitted as logarithms."""
        with np.errstate(over="ignore"):
            return np.where(self._plain, theta, np.exp(np.where(self._plain, 0.0, theta)))

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        with np.errstate(divide="ignore"):
            return np.where(self._plain, natural, np.log(np.where(self._plain, 1.0, natural)))

    def log_steps(self, theta: Floats) -> Floats:
        """1 for a logarithm, the parameter itself otherwise."""
        return np.where(self._plain, theta, 1.0)

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Parameters drawn from their `start` ranges, those the formula is linear in then fitted to the relative error.

        Linear parameters are found from the formula's structure (no second derivative among them) and solved for by
        non-negative least squares: the variable projection of Golub & Pereyra 1973, at every start.
        """
        drawn = np.stack([_spread(param, count, rng) for param in self.params], axis=1)
        linear = self._linear(drawn, z)
        if len(linear):
            drawn[:, linear] = 0.0
            jet = self._jet(z, _unit_seeds(drawn))
            base = np.broadcast_to(jet.value, (count, len(z)))
            basis = np.stack([np.broadcast_to(jet.gradient[i], base.shape) for i in linear], axis=2)
            for b in range(count):
                drawn[b, linear] = _coefficients(basis[b] / loss[:, None], 1.0 - base[b] / loss, self._signs(linear))
        low, high = (np.array([getattr(param, end) for param in self.params]) for end in ("low", "high"))
        return self.working(np.clip(drawn, low, high), np.zeros(0))

    def _linear(self, drawn: Floats, z: Floats) -> list[int]:
        """Parameters the formula is jointly linear in."""
        pairs = self._jet(z[:1], _unit_seeds(drawn[:1])).hessian
        chosen: list[int] = []
        for i in range(len(self.params)):
            if not any((min(i, j), max(i, j)) in pairs for j in (*chosen, i)):
                chosen.append(i)
        return chosen

    def _signs(self, linear: list[int]) -> Floats:
        return np.array([self.params[i].low < 0 for i in linear])


def _unit_seeds(natural: Floats) -> list[Jet]:
    return [Jet(p[:, None], {i: np.ones((1, 1))}) for i, p in enumerate(natural.T)]


def _spread(param: Param, count: int, rng: np.random.Generator) -> Floats:
    low, high = param.start
    if low > 0 and high > 0:
        return np.exp(rng.uniform(np.log(low), np.log(high), count))
    return rng.uniform(low, high, count)


def _coefficients(basis: Floats, target: Floats, signed: Floats) -> Floats:
    """Least-squares coefficients, non-negative unless `signed`; a vanishing one keeps a thousandth of the target."""
    columns = np.concatenate([basis, -basis[:, signed]], axis=1)
    scale = np.linalg.norm(columns, axis=0)
    if not (np.isfinite(columns).all() and np.isfinite(target).all() and (scale > 0).all()):
        return np.ones(basis.shape[1])
    solved = nnls(columns / scale, target)[0] / scale
    coefficients = solved[: basis.shape[1]].copy()
    coefficients[signed] -= solved[basis.shape[1] :]
    least = 1e-3 * np.linalg.norm(target) / scale[: basis.shape[1]]
    return np.where(signed, coefficients, np.maximum(coefficients, least))
