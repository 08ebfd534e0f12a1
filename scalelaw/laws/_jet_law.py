"""Laws computed on jets: derivatives follow the formula, first guesses come from its linear part."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import nnls

from scalelaw.laws._jets import Jet, exp, log
from scalelaw.laws.base import Contract, Floats, Law

Scaling = tuple[float, str, str]
"""(s, exponent, input): a coefficient multiplies input^(s exponent)."""


class JetLaw(Law):
    """A law given by `curve`, the formula in its natural parameters, written on jets.

    A parameter in `plain` is fitted as it is, any other as its logarithm. A coefficient in `scaled` multiplies powers
    of inputs; what is fitted is then the log of that product at the centre of the data, `ln A + s q <ln x>`, which
    takes away nearly all of the correlation between a coefficient and its exponent. Coordinates are the inputs
    themselves, followed by the centres of their logs.
    """

    plain: frozenset[str]
    scaled: Mapping[str, tuple[Scaling, ...]]

    @abstractmethod
    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The law's value for inputs and natural parameters by name; works on arrays of any shape."""

    def centre(self, inputs: Floats) -> Floats:
        """The mean log of the inputs that some coefficient is scaled by, 0 for the others."""
        used = {scaling[2] for scalings in self.scaled.values() for scaling in scalings}
        return np.array(
            [np.log(x).mean() if name in used else 0.0 for name, x in zip(self.inputs, inputs.T, strict=True)]
        )

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """The inputs as they are, then their centres, `[n, 2k]`."""
        return np.hstack([inputs, np.broadcast_to(centre, inputs.shape)])

    def _split(self, z: Floats) -> tuple[Floats, Floats]:
        """Inputs `[n, k]` and centre `[k]` from coordinates."""
        k = len(self.inputs)
        return z[:, :k], z[0, k:]

    def _shifts(self, centre: Floats) -> Floats:
        """K of ln p = theta + K theta, `[p, p]`: minus s times the centre, at (coefficient, exponent)."""
        index = {name: i for i, name in enumerate(self.names)}
        K = np.zeros((len(index), len(index)))
        for coefficient, scalings in self.scaled.items():
            for sign, exponent, x in scalings:
                K[index[coefficient], index[exponent]] -= sign * centre[self.inputs.index(x)]
        return K

    def _is_plain(self) -> Floats:
        return np.array([name in self.plain for name in self.names], dtype=bool)

    def model(self, theta: Sequence[Jet], z: Floats) -> Jet:
        """The law's value for working parameters given as jets, `[b, 1]` each."""
        inputs, centre = self._split(z)
        p = dict(zip(self.names, self._natural_jets(theta, centre), strict=True))
        return self.curve({name: Jet(column) for name, column in zip(self.inputs, inputs.T, strict=True)}, p)

    def _natural_jets(self, theta: Sequence[Jet], centre: Floats) -> list[Jet]:
        found = []
        for name, own, row in zip(self.names, theta, self._shifts(centre), strict=True):
            for factor, other in zip(row, theta, strict=True):
                if factor:
                    own = own + other.scaled(factor)
            found.append(own if name in self.plain else exp(own))
        return found

    def _log_jet(self, theta: Floats, z: Floats, second: bool) -> Jet:
        seeds = [Jet.variable(column[:, None], i, second) for i, column in enumerate(theta.T)]
        with np.errstate(all="ignore"):  # outside its domain the curve is NaN or infinite, and is judged so
            return log(self.model(seeds, z))

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln of the curve, `[b, n]`; NaN where it is not positive."""
        with np.errstate(all="ignore"):
            value = log(self.model([Jet(column[:, None]) for column in theta.T], z)).value
        return np.broadcast_to(value, (len(theta), len(z)))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln of the curve and its exact gradient."""
        return _value_and_gradient(self._log_jet(theta, z, second=False), theta, z)

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats:
        """The sum over runs of q times the exact Hessian."""
        return _contracted(self._log_jet(theta, z, second=True), theta, q)

    def second_order(self, theta: Floats, z: Floats) -> tuple[Floats, Floats, Contract]:
        """ln of the curve, its gradient and its curvature from one evaluation."""
        found = self._log_jet(theta, z, second=True)
        return *_value_and_gradient(found, theta, z), lambda q: _contracted(found, theta, q)

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The range of each parameter, or of its logarithm; a scaled coefficient is free."""
        ends = np.array([[p.low, p.high] for p in self.params])
        plain = self._is_plain()[:, None]
        with np.errstate(divide="ignore"):
            ends = np.where(plain, ends, np.log(np.where(plain, 1.0, ends)))
        free = np.array([[name in self.scaled] for name in self.names])
        low, high = np.where(free, [-np.inf, np.inf], ends).T
        return low, high

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """Exponentials of the parameters fitted as logarithms, scaled back to the units of the inputs."""
        plain = self._is_plain()
        with np.errstate(over="ignore"):
            return np.where(plain, theta, np.exp(np.where(plain, 0.0, theta + theta @ self._shifts(centre).T)))

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        plain = self._is_plain()
        logs = np.where(plain, 1.0, natural)
        with np.errstate(divide="ignore"):  # a term that a replicate has lost, A = 0, is e^-inf
            return np.where(plain, natural, np.log(logs) - np.where(plain, natural, 0.0) @ self._shifts(centre).T)

    def log_steps(self, theta: Floats) -> Floats:
        """1 for a logarithm, the parameter itself otherwise."""
        return np.where(self._is_plain(), theta, 1.0)

    def elementwise(self, natural: Floats, inputs: Mapping[str, Jet]) -> Jet:
        """The curve at inputs of its own for each member: `natural[b, p]`, inputs `[b]` or `[b, m]`."""
        ndim = max(value.value.ndim for value in inputs.values())
        columns = natural.T.reshape(natural.shape[1], len(natural), *[1] * (ndim - 1))
        with np.errstate(all="ignore"):
            return self.curve(inputs, {name: Jet(column) for name, column in zip(self.names, columns, strict=True)})

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Natural parameters from their `start` ranges, `[count, p]`; those the curve is linear in are refitted."""
        return np.stack([spread(*param.start, count, rng) for param in self.params], axis=1)

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Parameters from `draw`, those the curve is linear in then fitted to the relative error.

        Linear parameters show themselves (no second derivative among them) and are solved for by non-negative least
        squares: the variable projection of Golub & Pereyra 1973, at every start.
        """
        inputs, centre = self._split(z)
        x = {name: Jet(column) for name, column in zip(self.inputs, inputs.T, strict=True)}
        drawn = self.draw(z, loss, count, rng)
        with np.errstate(all="ignore"):
            linear = _linear(self.curve({name: Jet(c.value[:1]) for name, c in x.items()}, self._seeds(drawn[:1])))
            if linear:
                drawn[:, linear] = 0.0
                fitted = self.curve(x, self._seeds(drawn, second=False))
                signed = np.array([self.params[i].low < 0 for i in linear])
                drawn[:, linear] = _project(fitted, linear, signed, loss)
        low, high = np.array([[p.low, p.high] for p in self.params]).T
        return self.working(np.clip(drawn, low, high), centre)

    def _seeds(self, natural: Floats, second: bool = True) -> dict[str, Jet]:
        return {
            name: Jet.variable(p[:, None], i, second)
            for i, (name, p) in enumerate(zip(self.names, natural.T, strict=True))
        }


def _value_and_gradient(found: Jet, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
    gradient = np.zeros((theta.shape[1], len(theta), len(z)))
    for i, entry in found.gradient.items():
        gradient[i] = entry
    return np.broadcast_to(found.value, gradient.shape[1:]), np.moveaxis(gradient, 0, 2)


def _contracted(found: Jet, theta: Floats, q: Floats) -> Floats:
    hessian = np.zeros((len(theta), theta.shape[1], theta.shape[1]))
    for (i, j), entry in (found.hessian or {}).items():
        hessian[:, i, j] = hessian[:, j, i] = (q * entry).sum(axis=1)
    return hessian


def spread(low: float, high: float, count: int, rng: np.random.Generator) -> Floats:
    """`count` numbers between low and high, evenly in the logarithm where both are positive."""
    if low > 0 and high > 0:
        return np.exp(rng.uniform(np.log(low), np.log(high), count))
    return rng.uniform(low, high, count)


def _linear(curve: Jet) -> list[int]:
    """Parameters the curve is jointly linear in."""
    pairs = curve.hessian or {}
    chosen: list[int] = []
    for i in sorted(curve.gradient):
        if not any((min(i, j), max(i, j)) in pairs for j in (*chosen, i)):
            chosen.append(i)
    return chosen


def _project(curve: Jet, linear: list[int], signed: Floats, loss: Floats) -> Floats:
    """The linear parameters of each member that fit the losses best, `[b, l]`."""
    base = np.atleast_2d(curve.value)
    shape = np.broadcast_shapes(base.shape, *(curve.gradient[i].shape for i in linear))
    shape = (shape[0], len(loss))
    basis = np.stack([np.broadcast_to(curve.gradient[i], shape) for i in linear], axis=2)
    target = 1.0 - np.broadcast_to(base, shape) / loss
    return np.stack([coefficients(b / loss[:, None], t, signed) for b, t in zip(basis, target, strict=True)])


def coefficients(basis: Floats, target: Floats, signed: Floats) -> Floats:
    """Least-squares coefficients of `basis[n, l]`, non-negative unless `signed`.

    A vanishing one keeps a thousandth of the target, so that no term starts at zero. Members whose curve is no number
    get 1 throughout.
    """
    columns = np.concatenate([basis, -basis[:, signed]], axis=1)
    scale = np.linalg.norm(columns, axis=0)
    if not (np.isfinite(columns).all() and np.isfinite(target).all() and (scale > 0).all()):
        return np.ones(basis.shape[1])
    solved = nnls(columns / scale, target)[0] / scale
    found = solved[: basis.shape[1]].copy()
    found[signed] -= solved[basis.shape[1] :]
    least = 1e-3 * np.linalg.norm(target) / scale[: basis.shape[1]]
    return np.asarray(np.where(signed, found, np.maximum(found, least)))
