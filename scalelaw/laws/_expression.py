"""Formulas as text, parsed by a whitelist and never evaluated as code; their derivatives are exact.

A formula is made of numbers, names, `+ - * / ^` (or `**`), parentheses and the functions of `_jets.FUNCTIONS`. Names of
columns are its inputs, `N`, `D` and `C` being short for `n_params`, `n_tokens` and `flops`, and `column(name)` any other
column; every other name is a parameter.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.laws._jets import FUNCTIONS, Jet

SHORT = {"N": "n_params", "D": "n_tokens", "C": "flops"}
COLUMNS = ("n_params", "n_params_non_embedding", "n_tokens", "flops")
MAX_LENGTH, MAX_DEPTH = 2000, 60
"""Bounds on a formula, so that a hostile one is refused before it costs anything."""


@dataclass(frozen=True)
class Expression:
    """A parsed formula: its text, the inputs it reads and the parameters it has, in order of appearance."""

    text: str
    tree: ast.expr
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]

    def evaluate(self, values: Mapping[str, Jet]) -> Jet:
        """The formula for the values of its inputs and parameters, with its derivatives."""
        with np.errstate(all="ignore"):  # outside the formula's domain the value is NaN or infinite, and is judged so
            return _evaluate(self.tree, values)

    def terms(self) -> tuple[ast.expr, ...]:
        """The summands at the top of the formula, without their signs."""
        found: list[ast.expr] = []
        waiting = [self.tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
                waiting += [node.right, node.left]
            elif isinstance(node, ast.UnaryOp):
                waiting.append(node.operand)
            else:
                found.append(node)
        return tuple(found)


def parse(text: str, parameters: tuple[str, ...] | None = None) -> Expression:
    """The formula in `text`; `UsageError` says which part is not allowed.

    Args:
        parameters: which names are parameters, in this order; by default every name that is no column.

    >>> parse("E + A / N^alpha").parameters
    ('E', 'A', 'alpha')
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"A formula has at most {MAX_LENGTH} characters; found {len(text)}.")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(
            f"{text!r} is not a formula. Next: write it like 'E + A / N^alpha', with + - * / ^ and "
            f"{', '.join(sorted(FUNCTIONS))}."
        ) from None
    names: list[str] = []
    _check(tree, names, 0)
    found = tuple(dict.fromkeys(names))
    columns = tuple(name for name in found if _column(name) is not None and name not in (parameters or ()))
    free = tuple(name for name in found if name not in columns)
    if parameters is not None and set(parameters) != set(free):
        raise UsageError(f"The formula {text!r} has the parameters {', '.join(free)}; {', '.join(parameters)} given.")
    return Expression(text.strip(), tree, tuple(dict.fromkeys(map(column_of, columns))), parameters or free)


def column_of(name: str) -> str:
    """The table column that a name in a formula stands for."""
    return _column(name) or name


def _column(name: str) -> str | None:
    if name.startswith("column "):
        return name.removeprefix("column ")
    return SHORT.get(name, name if name in COLUMNS else None)


def _check(node: ast.expr, names: list[str], depth: int) -> None:
    """Walk the tree left to right, collecting names; anything that is not on the list is refused."""
    if depth > MAX_DEPTH:
        raise UsageError(f"The formula is nested more than {MAX_DEPTH} deep.")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return
        case ast.Name(id=name):
            names.append(name)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand, names, depth + 1)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), left=left, right=right):
            _check(left, names, depth + 1)
            _check(right, names, depth + 1)
        case ast.Call(func=ast.Name(id="column"), args=[ast.Name(id=name)], keywords=[]):
            names.append(f"column {name}")
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            _check(argument, names, depth + 1)
        case _:
            allowed = "numbers, names, + - * / ^, column(name) and " + ", ".join(sorted(FUNCTIONS))
            raise UsageError(f"{ast.unparse(node)!r} is not allowed in a formula. Allowed: {allowed}.")


def _evaluate(node: ast.expr, values: Mapping[str, Jet]) -> Jet:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Jet(np.array(float(number)))
        case ast.Name(id=name):
            return values[column_of(name)]
        case ast.UnaryOp(op=op, operand=operand):
            inner = _evaluate(operand, values)
            return -inner if isinstance(op, ast.USub) else inner
        case ast.BinOp(op=op, left=left, right=right):
            return _OPERATIONS[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.Call(func=ast.Name(id="column"), args=[ast.Name(id=name)]):
            return values[name]
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return FUNCTIONS[name](_evaluate(argument, values))
    raise AssertionError(node)


_OPERATIONS = {
    ast.Add: Jet.__add__,
    ast.Sub: Jet.__sub__,
    ast.Mult: Jet.__mul__,
    ast.Div: Jet.__truediv__,
    ast.Pow: Jet.__pow__,
}
