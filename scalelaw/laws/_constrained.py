"""Laws with some of their parameters fixed, tied to others, or kept within a range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import UsageError
from scalelaw.laws._jet_law import JetLaw
from scalelaw.laws._jets import Jet
from scalelaw.laws._labels import Constraints
from scalelaw.laws._reparametrised import Reparametrised, example, off_centre, settle
from scalelaw.laws._rules import Rules
from scalelaw.laws.base import Floats, Law
from scalelaw.runs import RunTable


def constrain(
    law: Law,
    fix: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    tie: Mapping[str, str] | None = None,
) -> Law:
    """A law with fewer free parameters, or in a smaller range, all in natural parameters.

    Args:
        fix: parameters that keep a value; they are reported and cost no degree of freedom.
        bounds: (low, high) of free parameters; infinite where open.
        tie: parameters that follow from others by a formula, such as `{"beta": "alpha", "D_c": "2 * N_c"}`.

    Constraints on a constrained law add up. `UsageError` names the parameter that is unknown, held twice, out of the
    law's own range, or tied in a circle.

    >>> from scalelaw.laws.chinchilla import KIND
    >>> law = constrain(KIND, fix={"E": 1.69}, tie={"beta": "alpha"})
    >>> law.label, law.names
    ('chinchilla[E=1.69, beta=alpha]', ('A', 'alpha', 'B'))
    """
    given = Constraints(dict(fix or {}), dict(tie or {}), dict(bounds or {}))
    if isinstance(law, Held):
        given = _joined(law.constraints, given, law)
        law = law.base
    if not (given.fix or given.tie or given.bounds):
        return law
    rules = Rules(law, given)
    return ConstrainedJet(law, rules) if _computed_on_jets(law) else Constrained(law, rules)


def _joined(old: Constraints, new: Constraints, law: Law) -> Constraints:
    for name in (*new.fix, *new.tie, *new.bounds):
        if name in old.fix or name in old.tie:
            raise UsageError(f"{name} is held already in {law.label}. Next: constrain the law it was made from.")
    bounds = {name: ends for name, ends in old.bounds.items() if name not in new.fix and name not in new.tie}
    return Constraints({**old.fix, **new.fix}, {**old.tie, **new.tie}, {**bounds, **new.bounds})


class Held(Law):
    """What every constrained law has: the `base` it was made from, and the `rules` that hold its parameters."""

    base: Law
    rules: Rules

    @property
    def constraints(self) -> Constraints:
        """What was asked."""
        return self.rules.constraints

    @property
    def label(self) -> str:
        """The base's label with the constraints, such as `chinchilla[E=1.69, beta=alpha]`."""
        return self.rules.label()

    @property
    def fixed(self) -> Mapping[str, float]:
        """Parameters that keep a value."""
        return self.constraints.fix

    @property
    def tied(self) -> Mapping[str, str]:
        """Parameters that follow from others, with their formulas."""
        return self.constraints.tie

    def complete(self, natural: Floats) -> Floats:
        """Natural parameters of the base, `[b, p]`, from the free ones, `[b, m]`."""
        return np.asarray(self.rules.complete(natural))

    def held(self, natural: Floats) -> Mapping[str, tuple[float, str]]:
        """Parameters that are not free, for natural parameters `[m]`: their value, and why (`fixed`, `= alpha`)."""
        return {**self.base.held(self.complete(natural[None])[0]), **self.rules.held(natural)}

    def read(self, runs: RunTable) -> Floats:
        """The base's inputs."""
        return self.base.read(runs)

    def observed(self, runs: RunTable) -> Floats:
        """What the base observes."""
        return self.base.observed(runs)

    def predict(self, natural: Floats, inputs: Floats) -> Floats:
        """The base's prediction at the completed parameters."""
        return self.base.predict(self.complete(natural), inputs)

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """The base's optimum at the completed parameters."""
        return self.base.optimum(self.complete(natural), flops)


class Constrained(Held, Reparametrised):
    """A law under constraints; see `constrain`.

    A free parameter keeps the base's working slot, centred as there, unless it has a range of its own: then it is
    fitted as itself, or as its logarithm where the base fits a logarithm, so that the range is a box. Where the slots
    that are left do not map one to one (Kaplan's alpha_D tied to alpha_N), every free parameter is fitted so.
    """

    def __init__(self, base: Law, rules: Rules) -> None:
        Reparametrised.__init__(self, base)
        self.rules, self.params = rules, rules.params
        self.formula, self.inputs = rules.formula(), base.inputs
        centre = off_centre(base)
        probe = base.working(rules.complete(example(self)), centre)[0]
        if not np.isfinite(probe).all():
            bad = ", ".join(base.names[i] for i in np.flatnonzero(~np.isfinite(probe)))
            raise UsageError(f"{bad} of {base.label} cannot be held so: its logarithm is what is fitted.")
        natural = base.natural(probe[None], centre)[0]
        self._itself = np.isclose(natural, probe, rtol=1e-12)[rules.free]
        plain = np.isclose(natural[:, None], probe, rtol=1e-12).any(axis=1)[rules.free]
        self._logarithm = ~plain & np.array([param.low >= 0 for param in self.params])
        ranged = np.array([param.name in self.constraints.bounds for param in self.params])
        self._own = ranged
        if not self._maps_back(centre):
            self._own = np.ones_like(ranged)

    def _maps_back(self, centre: Floats) -> bool:
        natural = example(self, 1.15)
        return bool(np.allclose(self.natural(self.working(natural, centre), centre), natural, rtol=1e-9))

    def centre(self, inputs: Floats) -> Floats:
        """The base's centre."""
        return self.base.centre(inputs)

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """The base's coordinates and, in every row, the centre."""
        return np.hstack([self.base.coordinates(inputs, centre), np.tile(centre, (len(inputs), 1))])

    def _centre(self, z: Floats) -> Floats:
        return z[0, -len(self.inputs) :]

    def _groups(self, z: Floats) -> Iterator[tuple[int, NDArray[np.bool_] | slice, Floats]]:
        yield 0, slice(None), z[:, : -len(self.inputs)]

    def _settled(self, psi: Any, centre: Floats) -> tuple[Any, Any]:
        """The base's working and natural parameters, `[b, p]` each."""
        free, own = self.rules.free, self._own
        values = np.where(self._logarithm, np.exp(np.where(self._logarithm, psi, 0.0)), psi)[:, own]

        def impose(natural: Any) -> Any:
            natural = natural.copy()
            natural[:, free[own]] = values
            return self.rules.impose(natural)

        guess = np.ones((len(psi), len(self.base.names)), dtype=psi.dtype) * self._guess
        theta = self.base.working(impose(guess), centre)
        theta[:, free[~own]] = psi[:, ~own]
        held = np.setdiff1d(np.arange(len(self.base.names)), free[~own])
        return settle(self.base, theta, centre, held, impose)

    @cached_property
    def _guess(self) -> Floats:
        return example(self.base)

    def _members(self, psi: Any, centre: Floats) -> Any:
        return self._settled(psi, centre)[0][:, None]

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """The free natural parameters, `[b, m]`."""
        return np.asarray(self._settled(theta, centre)[1][:, self.rules.free])

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        slots = self.base.working(self.rules.complete(natural), centre)[:, self.rules.free]
        with np.errstate(divide="ignore"):
            own = np.where(self._logarithm, np.log(np.where(self._logarithm, natural, 1.0)), natural)
        return np.asarray(np.where(self._own, own, slots))

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The base's bounds on its slots; their range on parameters that have one."""
        low, high = (ends[self.rules.free] for ends in self.base.bounds(next(self._groups(z))[2]))
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.array([[param.low, param.high] for param in self.params]).T
            least, most = np.where(self._logarithm, np.log(ends), ends)
        inside = self._itself & self._own
        low = np.where(inside, np.maximum(low, least), np.where(self._own, least, low))
        high = np.where(inside, np.minimum(high, most), np.where(self._own, most, high))
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """The base's starts; parameters with a range are drawn again from it where they fall outside."""
        centre, (_, _, z_base) = self._centre(z), next(self._groups(z))
        theta = self.base.starts(z_base, loss, count, rng)
        natural = self.rules.drawn_inside(self.base.natural(theta, centre)[:, self.rules.free], rng)
        own = np.where(self._logarithm, np.log(np.where(self._logarithm, natural, 1.0)), natural)
        return np.asarray(np.where(self._own, own, theta[:, self.rules.free]))

    def log_steps(self, theta: Floats) -> Floats:
        """The base's; of a parameter fitted as itself, its value."""
        full = np.ones(len(self.base.names))
        full[self.rules.free] = theta
        return np.where(self._own, np.where(self._logarithm, 1.0, theta), self.base.log_steps(full)[self.rules.free])


class ConstrainedJet(Held, JetLaw):
    """A law computed on jets under constraints, which then are part of its formula."""

    def __init__(self, base: JetLaw, rules: Rules) -> None:
        self.base: JetLaw = base
        self.rules = rules
        self.name, self.source, self.formula = base.name, base.source, rules.formula()
        self.response, self.response_unit, self.identifiability = (
            base.response,
            base.response_unit,
            base.identifiability,
        )
        self.inputs, self.params = base.inputs, rules.params
        names = set(self.names)
        self.plain = base.plain & names
        self.scaled = {
            coefficient: free
            for coefficient, scalings in base.scaled.items()
            if coefficient in names - set(self.constraints.bounds)
            and (free := tuple(scaling for scaling in scalings if scaling[1] in names))
        }

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The base's curve at the completed parameters."""
        return self.base.curve(x, self.rules.completed(p))

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """The base's first guesses; parameters with a range are drawn again from it where they fall outside."""
        return self.rules.drawn_inside(self.base.draw(z, loss, count, rng)[:, self.rules.free], rng)


def _computed_on_jets(law: Law) -> TypeGuard[JetLaw]:
    """Whether a law is all in its curve, with none of the machinery of `JetLaw` changed."""
    machinery = ("coordinates", "model", "log_loss", "derivatives", "curvature", "natural", "working", "bounds")
    return isinstance(law, JetLaw) and all(getattr(type(law), name) is getattr(JetLaw, name) for name in machinery)
