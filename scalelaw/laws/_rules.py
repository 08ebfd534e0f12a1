"""What constraints on a law's natural parameters mean: checked, put in order, and applied."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.laws._expression import Expression, _check, _syntax_tree
from scalelaw.laws._jet_law import spread
from scalelaw.laws._jets import Jet
from scalelaw.laws._labels import Constraints, suffixed, write_constraints
from scalelaw.laws.base import Floats, Law, Param


class Rules:
    """Checked constraints on a law: its free parameters, and the map from them to all.

    Attributes:
        law: the law that is constrained.
        constraints: what was asked, ties without parameters turned into fixed values.
        free: positions of the free parameters in the law, `[m]`.
        params: the free parameters, with their ranges.
    """

    def __init__(self, law: Law, given: Constraints) -> None:
        self.law, names = law, law.names
        for name in (*given.fix, *given.tie, *given.bounds):
            if name not in names:
                raise UsageError(f"Unknown parameter {name!r} of {law.label}. Known: {', '.join(names)}.")
        twice = [name for name in given.tie if name in given.fix]
        twice += [name for name in given.bounds if name in given.fix or name in given.tie]
        if twice:
            raise UsageError(
                f"{twice[0]} of {law.label} is held twice. Next: fix it, tie it or bound it, not two of them."
            )
        expressions = {name: _tie(law, name, formula) for name, formula in given.tie.items()}
        constant = {
            name: float(tied.evaluate({}, {}).value) for name, tied in expressions.items() if not tied.parameters
        }
        self._ties = _ordered({name: tied for name, tied in expressions.items() if name not in constant})
        fix = {name: float(value) for name, value in {**given.fix, **constant}.items()}
        tie = {name: formula for name, formula in given.tie.items() if name not in constant}
        bounds = {name: (float(low), float(high)) for name, (low, high) in given.bounds.items()}
        self.constraints = Constraints(fix, tie, bounds)
        self.free = np.array([i for i, name in enumerate(names) if name not in fix and name not in tie], dtype=np.intp)
        if not len(self.free):
            raise UsageError(f"No parameter of {law.label} is left to fit. Next: leave one free.")
        for name, value in fix.items():
            _check_value(law, name, value)
        self.params = tuple(_narrowed(law, law.params[i], bounds.get(names[i])) for i in self.free)

    def impose(self, natural: Any) -> Any:
        """Natural parameters of the law, `[b, p]`, with the held ones set."""
        natural = natural.copy()
        values = dict(zip(self.law.names, natural.T, strict=True))
        for name, value in self.constraints.fix.items():
            values[name] = np.full(len(natural), value)
        for name, tied in self._ties.items():
            values[name] = tied.evaluate({}, {other: Jet(values[other]) for other in tied.parameters}).value
        for i, name in enumerate(self.law.names):
            natural[:, i] = values[name]
        return natural

    def completed(self, free: Mapping[str, Jet]) -> dict[str, Jet]:
        """All parameters of the law as jets, from the free ones."""
        values = {**free, **{name: Jet(np.array(value)) for name, value in self.constraints.fix.items()}}
        for name, tied in self._ties.items():
            values[name] = tied.evaluate({}, values)
        return values

    def drawn_inside(self, natural: Floats, rng: np.random.Generator) -> Floats:
        """First guesses of the free parameters, `[count, m]`, those outside their range drawn again within it."""
        natural = natural.copy()
        for j, param in enumerate(self.params):
            fresh = spread(*param.start, len(natural), rng)
            outside = (natural[:, j] < param.low) | (natural[:, j] > param.high)
            natural[:, j] = np.where(outside, fresh, natural[:, j])
        return natural

    def complete(self, natural: Any) -> Any:
        """Natural parameters of the law, `[b, p]`, from the free ones, `[b, m]`."""
        full = np.ones((len(natural), len(self.law.names)), dtype=np.asarray(natural).dtype)
        full[:, self.free] = natural
        return self.impose(full)

    def held(self, natural: Floats) -> dict[str, tuple[float, str]]:
        """Value and reason of each parameter that is not free, for free ones `[m]`."""
        full = dict(zip(self.law.names, self.complete(natural[None])[0], strict=True))
        reasons = dict.fromkeys(self.constraints.fix, "fixed")
        reasons |= {name: f"= {formula}" for name, formula in self.constraints.tie.items()}
        return {name: (float(full[name]), reasons[name]) for name in self.law.names if name in reasons}

    def label(self) -> str:
        """The law's label with the constraints, which `get_law` reads back."""
        return suffixed(self.law.label, f"[{write_constraints(self.constraints)}]")

    def formula(self) -> str:
        """The law's formula with the constraints in words."""
        return f"{self.law.formula} with {write_constraints(self.constraints)}"


def _tie(law: Law, name: str, formula: str) -> Expression:
    tree = _syntax_tree(formula)
    nodes: list[ast.expr] = []
    _check(tree, formula, nodes, 0)
    others = tuple(dict.fromkeys(ast.unparse(node) for node in nodes))
    unknown = [other for other in others if other not in law.names]
    if unknown:
        raise UsageError(
            f"{name} of {law.label} is tied to {formula!r}, and {unknown[0]!r} is none of its parameters. "
            f"Known: {', '.join(law.names)}."
        )
    return Expression(formula, tree, (), others)


def _ordered(ties: dict[str, Expression]) -> dict[str, Expression]:
    """Ties such that each comes after those it needs."""
    waiting, found = dict(ties), dict[str, Expression]()
    while waiting:
        ready = [name for name, tied in waiting.items() if not set(tied.parameters) & set(waiting)]
        if not ready:
            raise UsageError(f"{', '.join(waiting)} are tied in a circle. Next: leave one of them free.")
        found |= {name: waiting.pop(name) for name in ready}
    return found


def _check_value(law: Law, name: str, value: float) -> None:
    param = law.params[law.names.index(name)]
    if not (np.isfinite(value) and param.low <= value <= param.high):
        raise UsageError(f"{name} of {law.label} lies between {param.low:g} and {param.high:g}; fixed at {value:g}.")


def _narrowed(law: Law, param: Param, ends: tuple[float, float] | None) -> Param:
    """The parameter in a smaller range, with first guesses inside it."""
    if ends is None:
        return param
    low, high = max(ends[0], param.low), min(ends[1], param.high)
    if not low < high:
        raise UsageError(
            f"{param.name} of {law.label} lies between {param.low:g} and {param.high:g}; found the range "
            f"{ends[0]:g} to {ends[1]:g}. Next: give a low end below the high end, or fix the parameter."
        )
    start = (max(low, param.start[0]), min(high, param.start[1]))
    if not start[0] < start[1]:
        start = (low if np.isfinite(low) else high - 1.0, high if np.isfinite(high) else max(2.0 * low, low + 1.0))
    return replace(param, low=low, high=high, start=start)
