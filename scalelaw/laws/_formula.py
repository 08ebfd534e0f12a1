"""Laws written as a formula: everything follows from its text."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scalelaw.laws._expression import Expression, parse
from scalelaw.laws._jet_law import JetLaw, Scaling, spread
from scalelaw.laws._jets import Jet
from scalelaw.laws._optimum import numeric_optimum
from scalelaw.laws.base import Floats, Param

BEYOND = 1e4
"""A scale in a formula, such as N_c in N_c / N, is first guessed up to this factor beyond the column it belongs to."""


class FormulaLaw(JetLaw):
    """L = a formula of columns and parameters, such as `E + A / N^alpha`.

    A parameter that stands alone as a term, or that appears in an exponent, or that may be negative, is fitted as it
    is; any other is fitted as its logarithm. Derivatives, first and second, are exact.

    Args:
        formula: its text; see `_expression` for what it may hold.
        params: unit, meaning, range and first guesses of every parameter; by default each is positive and, where it
            scales a column, guessed from the range of that column.
        shown: how the formula is printed, where the text itself is long.
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
        shown: str = "",
        identifiability: str = "",
    ) -> None:
        self.expression: Expression = parse(formula, None if params is None else tuple(param.name for param in params))
        self.given = params is not None
        self.params = tuple(params or (Param(name, "", "") for name in self.expression.parameters))
        self.name, self.source = name or self.expression.text, source
        self.response, self.response_unit = response, response_unit
        self.formula = f"{'L' if response == 'loss' else response} = {shown or self.expression.text}"
        self.inputs = self.expression.inputs
        self.identifiability = identifiability
        self.plain = self._find_plain()
        self.scaled = self._find_scaled()

    def _find_plain(self) -> frozenset[str]:
        names = {term.id for term in _terms(self.expression.tree) if isinstance(term, ast.Name)}
        for node in ast.walk(self.expression.tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
                names |= {inner.id for inner in ast.walk(node.right) if isinstance(inner, ast.Name)}
        return frozenset(param.name for param in self.params if param.low < 0 or param.name in names)

    def _find_scaled(self) -> Mapping[str, tuple[Scaling, ...]]:
        """Coefficients of powers, such as A in A / N^alpha."""
        counts = Counter(node.id for node in ast.walk(self.expression.tree) if isinstance(node, ast.Name))
        found: dict[str, tuple[Scaling, ...]] = {}
        for factors in _products(self.expression.tree):
            powers = tuple(power for node, sign in factors if (power := self._power(node, sign)) is not None)
            for node, sign in factors:
                if isinstance(node, ast.Name) and self._scalable(node.id) and counts[node.id] == 1 and powers:
                    found[node.id] = tuple((sign * s, exponent, x) for s, exponent, x in powers)
                    break
        return found

    def _scalable(self, name: str) -> bool:
        param = next((param for param in self.params if param.name == name), None)
        return param is not None and name not in self.plain and (param.low, param.high) == (0.0, np.inf)

    def _power(self, node: ast.expr, sign: float) -> Scaling | None:
        """(s, exponent, input) of a factor input^(s exponent)."""
        match node:
            case ast.BinOp(op=ast.Pow(), left=base, right=ast.UnaryOp(op=ast.USub(), operand=ast.Name(id=exponent))):
                sign = -sign
            case ast.BinOp(op=ast.Pow(), left=base, right=ast.Name(id=exponent)):
                pass
            case _:
                return None
        x = self.expression.input_of(base)
        return None if x is None or exponent not in self.names else (sign, exponent, x)

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The formula."""
        return self.expression.evaluate(x, p)

    def draw(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """First guesses; where the user gave no ranges, a parameter that scales a column takes the column's."""
        drawn = super().draw(z, loss, count, rng)
        if not self.given:
            inputs, _ = self._split(z)
            for name, x, inverse in self._scales():
                values = np.abs(inputs[:, self.inputs.index(x)])
                low, high = values[values > 0].min(initial=np.inf), values.max()
                if 0 < low <= high:
                    ends = (1 / (BEYOND * high), 1 / low) if inverse else (low / BEYOND, BEYOND * high)
                    drawn[:, self.names.index(name)] = spread(*ends, count, rng)
        return drawn

    def _scales(self) -> Iterator[tuple[str, str, bool]]:
        """Parameters met as p / x, x / p or x + p (False), or p x (True), with their column."""
        for node in ast.walk(self.expression.tree):
            if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
                for one, other in ((node.left, node.right), (node.right, node.left)):
                    x = self.expression.input_of(other)
                    if isinstance(one, ast.Name) and one.id in self.names and x is not None:
                        yield one.id, x, isinstance(node.op, ast.Mult)

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """N and D of least loss under C = 6 N D, found numerically; only for formulas of exactly N and D."""
        if set(self.inputs) != {"n_params", "n_tokens"} or self.response != "loss":
            return super().optimum(natural, flops)
        return numeric_optimum(self, natural, flops)


def _terms(tree: ast.expr) -> Iterator[ast.expr]:
    """The summands at the top of the formula, without their signs."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub):
        yield from _terms(tree.left)
        yield from _terms(tree.right)
    elif isinstance(tree, ast.UnaryOp):
        yield from _terms(tree.operand)
    else:
        yield tree


def _products(tree: ast.expr) -> Iterator[list[tuple[ast.expr, float]]]:
    """Every product of the formula as its factors, each with 1, or -1 where it divides."""
    inside: set[ast.expr] = set()
    for node in ast.walk(tree):
        if _is_product(node) and node not in inside:
            yield list(_factors(node, 1.0, inside))


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)


def _factors(node: ast.AST, sign: float, inside: set[ast.expr]) -> Iterator[tuple[ast.expr, float]]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        inside.add(node)
        yield from _factors(node.left, sign, inside)
        yield from _factors(node.right, -sign if isinstance(node.op, ast.Div) else sign, inside)
    elif isinstance(node, ast.expr):
        yield node, sign
