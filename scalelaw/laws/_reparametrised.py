"""Laws that are another law in fewer, or in shared, parameters: the chain rule between the two."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.laws._steps import hessian, jacobian, takes_complex
from scalelaw.laws.base import Contract, Floats, Law
from scalelaw.runs import RunTable

PASSES = 2
"""How often held parameters are set from the free ones before the natural parameters are read off."""


def settle(
    law: Law, theta: Any, centre: Floats, held: NDArray[np.intp], impose: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """Working and natural parameters of `law`, `[b, p]` each, whose natural ones satisfy `impose`.

    A law's working parameters couple its natural ones (ln A is taken at the centre of the data, along its exponent),
    so the slots of held parameters are set first, and the free slots then mean what they mean in the law itself.
    """
    theta = theta.copy()
    for _ in range(PASSES):
        theta[:, held] = law.working(impose(law.natural(theta, centre)), centre)[:, held]
    natural = impose(law.natural(theta, centre))
    return law.working(natural, centre), natural


def example(law: Law, factor: float = 1.0) -> Floats:
    """Natural parameters about the middle of their start ranges, each a little different, `[1, p]`."""
    middles = []
    for i, param in enumerate(law.params):
        low, high = param.start
        middle = np.sqrt(low * high) if low > 0 and high > 0 else 0.5 * (low + high)
        middles.append(np.clip(factor * middle * (1.0 + 0.07 * i), max(param.low, -1e300), min(param.high, 1e300)))
    return np.array([middles])


def off_centre(law: Law) -> Floats:
    """A centre with which maps are tried, unlike 0 in every input, `[k]`."""
    return np.array([5.0 + k for k in range(len(law.inputs))])


class Reparametrised(Law):
    """A law in the parameters psi of another, its `base`, once (a constraint) or once for each group of rows.

    With theta_g(psi) the base's working parameters in group g, J_g and H_g its derivatives there,

        d ln L / d psi = J_g dtheta_g/dpsi
        d^2 ln L / d psi^2 = dtheta_g/dpsi' H_g dtheta_g/dpsi + J_g d^2 theta_g / d psi^2

    Coordinates are the base's, followed by the centre they are measured from, which the map from psi needs.
    """

    base: Law

    def __init__(self, base: Law) -> None:
        self.base = base
        self.name, self.source = base.name, base.source
        self.response, self.response_unit = base.response, base.response_unit
        self.identifiability = base.identifiability

    @abstractmethod
    def _members(self, psi: Any, centre: Floats) -> Any:
        """theta of every group, `[b, g, p]`, for psi `[b, m]`, which may be complex."""

    @abstractmethod
    def _groups(self, z: Floats) -> Iterator[tuple[int, NDArray[np.bool_] | slice, Floats]]:
        """Each group that has rows: its number, its rows of z, and the base's coordinates there."""

    @abstractmethod
    def _centre(self, z: Floats) -> Floats:
        """The base's centre, `[k]`, from the coordinates."""

    @property
    def continuous(self) -> tuple[str, ...]:
        """The inputs that are measured on a scale; any other holds names."""
        return self.base.continuous

    def encode(self, name: str, value: ArrayLike) -> Floats:
        """An input as the number that `read` would give."""
        return self.base.encode(name, value)

    def observed(self, runs: RunTable) -> Floats:
        """What the base observes."""
        return self.base.observed(runs)

    @cached_property
    def _exact(self) -> bool:
        """Whether derivatives of the map can be taken by complex steps, tried away from the centre 0."""
        centre = off_centre(self)
        psi = self.working(example(self), centre)
        return takes_complex(self._map(self._centre(self.coordinates(np.ones((1, len(centre))), centre))), psi)

    def _map(self, centre: Floats) -> Callable[[Any], Any]:
        return lambda psi: self._members(psi, centre).reshape(len(psi), -1)

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """The base's ln L, group by group, `[b, n]`."""
        members = self._members(theta, self._centre(z))
        log_loss = np.empty((len(theta), len(z)))
        for g, rows, z_g in self._groups(z):
            log_loss[:, rows] = self.base.log_loss(members[:, g], z_g)
        return log_loss

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln L and its gradient by the chain rule."""
        centre = self._centre(z)
        members, slopes = self._members(theta, centre), self._slopes(theta, centre)
        log_loss, gradient = np.empty((len(theta), len(z))), np.empty((len(theta), len(z), theta.shape[1]))
        for g, rows, z_g in self._groups(z):
            log_loss[:, rows], J = self.base.derivatives(members[:, g], z_g)
            gradient[:, rows] = np.matmul(J, slopes[:, g])
        return log_loss, gradient

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats | None:
        """The sum over runs of q times the Hessian, by the chain rule; None where the base gives none."""
        return self.second_order(theta, z)[2](q)

    def second_order(self, theta: Floats, z: Floats) -> tuple[Floats, Floats, Contract]:
        """ln L, its gradient and its curvature from one evaluation of the base."""
        centre = self._centre(z)
        members, slopes = self._members(theta, centre), self._slopes(theta, centre)
        b, m = theta.shape
        log_loss, gradient = np.empty((b, len(z))), np.empty((b, len(z), m))
        parts: list[tuple[int, Any, Floats, Contract]] = []
        for g, rows, z_g in self._groups(z):
            log_loss[:, rows], J, contract = _second_order(self.base, members[:, g], z_g)
            gradient[:, rows] = np.matmul(J, slopes[:, g])
            parts.append((g, rows, J, contract))
        bends = hessian(self._map(centre), theta, self._exact).reshape(*members.shape, m, m)

        def curvature(q: Floats) -> Floats | None:
            total = np.zeros((b, m, m))
            for g, rows, J, contract in parts:
                H, D = contract(q[:, rows]), slopes[:, g]
                if H is None:
                    return None
                slope = np.matmul(J.swapaxes(1, 2), q[:, rows, None])[:, :, 0]
                total += np.matmul(D.swapaxes(1, 2), np.matmul(H, D)) + np.einsum("bp,bplm->blm", slope, bends[:, g])
            return total

        return log_loss, gradient, curvature

    def _slopes(self, psi: Floats, centre: Floats) -> Floats:
        """d theta_g / d psi, `[b, g, p, m]`."""
        slopes = jacobian(self._map(centre), psi, self._exact)
        return np.asarray(slopes.reshape(len(psi), -1, len(self.base.names), psi.shape[1]))


def _second_order(law: Law, theta: Floats, z: Floats) -> tuple[Floats, Floats, Contract]:
    shared = getattr(law, "second_order", None)
    if shared is not None:
        log_loss, J, contract = shared(theta, z)
        return log_loss, J, contract
    return *law.derivatives(theta, z), lambda q: law.curvature(theta, z, q)
