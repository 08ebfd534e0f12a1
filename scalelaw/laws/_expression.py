"""Formulas as text, parsed by a whitelist and never evaluated as code; their derivatives are exact.

A formula is made of numbers, names, `+ - * / ^` (or `**`), parentheses and the functions of `_jets.FUNCTIONS`. Names
of columns are its inputs, `N`, `D` and `C` being short for `n_params`, `n_tokens` and `flops`, and `column(name)` any
other column; every other name is a parameter.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalelaw.errors import FormulaError
from scalelaw.laws._jets import FUNCTIONS, Jet

SHORT = {"N": "n_params", "D": "n_tokens", "C": "flops"}
COLUMNS = ("n_params", "n_params_non_embedding", "n_tokens", "flops")
MAX_LENGTH, MAX_DEPTH = 2000, 60
"""Bounds on a formula, so that a hostile one is refused before it costs anything."""
REFUSED: Mapping[type[ast.expr], str] = {
    ast.Attribute: "attribute access",
    ast.Subscript: "a subscript",
    ast.Lambda: "a function definition",
    ast.JoinedStr: "a formatted string (JoinedStr)",
    ast.Compare: "a comparison",
    ast.NamedExpr: "an assignment",
}
"""What people or attackers try, in words; anything else is named by its syntax node."""


@dataclass(frozen=True)
class Expression:
    """A parsed formula: its text, the columns it reads and the parameters it has, in order of appearance."""

    text: str
    tree: ast.expr
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]

    def evaluate(self, columns: Mapping[str, Jet], parameters: Mapping[str, Jet]) -> Jet:
        """The formula for values of its columns and parameters, with its derivatives."""
        with np.errstate(all="ignore"):  # outside the formula's domain the value is NaN or infinite, and is judged so
            return _evaluate(self.tree, columns, parameters)

    def input_of(self, node: ast.AST) -> str | None:
        """The column that a node of the tree reads, if it reads one."""
        match node:
            case ast.Name(id=name) if name not in self.parameters:
                return _column(name)
            case ast.Call(func=ast.Name(id="column"), args=[ast.Name(id=name)]):
                return name
        return None


def parse(text: str, parameters: tuple[str, ...] | None = None) -> Expression:
    """The formula in `text`; `FormulaError` says which part is not allowed.

    Args:
        parameters: which names are parameters, in this order; by default every name that is no column.

    >>> parse("E + A / N^alpha").parameters
    ('E', 'A', 'alpha')
    >>> parse("().__class__")
    Traceback (most recent call last):
    scalelaw.errors.FormulaError: A formula may not hold attribute access, '().__class__'. Allowed: numbers, names, ...
    """
    tree = _syntax_tree(text)
    names: list[ast.expr] = []
    _check(tree, text, names, 0)
    columns: list[str] = []
    free: list[str] = []
    for node in names:
        name = node.id if isinstance(node, ast.Name) else ""
        column = None if name and name in (parameters or ()) else _named_column(node)
        (free if column is None else columns).append(name if column is None else column)
    found = tuple(dict.fromkeys(free))
    if parameters is not None and set(parameters) != set(found):
        raise FormulaError(
            f"The formula {text!r} has the parameters {', '.join(found)}; {', '.join(parameters)} given."
        )
    if not found or not columns:
        lacking = "parameter" if columns else "column; N, D, C or column(name) reads one"
        raise FormulaError(f"{text!r} is neither the name of a law nor a formula: it has no {lacking}.")
    return Expression(text.strip(), tree, tuple(dict.fromkeys(columns)), parameters or found)


def _syntax_tree(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"A formula has at most {MAX_LENGTH} characters; found {len(text)}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(_python(text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(
            f"{_shortened(text)!r} is not a formula. Next: write it like 'E + A / N^alpha', with + - * / ^ and "
            f"{', '.join(sorted(FUNCTIONS))}."
        ) from None


def _python(text: str) -> str:
    return " ".join(text.split()).replace("^", "**")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _column(name: str) -> str | None:
    return SHORT.get(name, name if name in COLUMNS else None)


def _named_column(node: ast.expr) -> str | None:
    """The column a name, or `column(name)`, stands for."""
    match node:
        case ast.Call(args=[ast.Name(id=name)]):
            return name
        case ast.Name(id=name):
            return _column(name)
    return None


def _check(node: ast.expr, text: str, names: list[ast.expr], depth: int) -> None:
    """Walk the tree left to right, collecting names and columns; anything that is not on the list is refused."""
    if depth > MAX_DEPTH:
        raise FormulaError(f"The formula is nested more than {MAX_DEPTH} deep.")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            if not _finite(number):
                raise FormulaError("A formula may not hold a number beyond the largest 64-bit one, 1.8e308.")
        case ast.Name(id=name) if name not in FUNCTIONS and name != "column":
            names.append(node)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand, text, names, depth + 1)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATIONS:
            _check(left, text, names, depth + 1)
            _check(right, text, names, depth + 1)
        case ast.Call(func=ast.Name(id="column"), args=[ast.Name()], keywords=[]):
            names.append(node)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            _check(argument, text, names, depth + 1)
        case _:
            raise FormulaError(
                f"A formula may not hold {_described(node)}, {_shortened(_segment(node, text))!r}. Allowed: numbers, "
                f"names, + - * / ^, column(name) and the functions {', '.join(sorted(FUNCTIONS))}."
            )


def _finite(number: int | float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def _described(node: ast.expr) -> str:
    hidden = [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and inner.id.startswith("__")]
    if hidden:
        return f"the name {hidden[0]}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"a call of {node.func.id}"
    if isinstance(node, ast.Call):
        return _described(node.func)
    return REFUSED.get(type(node), type(node).__name__)


def _segment(node: ast.expr, text: str) -> str:
    source = _python(text).encode()  # offsets of syntax nodes count bytes
    return source[node.col_offset : node.end_col_offset].decode(errors="replace")


def _evaluate(node: ast.expr, columns: Mapping[str, Jet], parameters: Mapping[str, Jet]) -> Jet:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Jet(np.array(float(number)))
        case ast.Name(id=name):
            return parameters[name] if name in parameters else columns[SHORT.get(name, name)]
        case ast.UnaryOp(op=op, operand=operand):
            inner = _evaluate(operand, columns, parameters)
            return -inner if isinstance(op, ast.USub) else inner
        case ast.BinOp(op=op, left=left, right=right):
            both: Jet = _OPERATIONS[type(op)](
                _evaluate(left, columns, parameters), _evaluate(right, columns, parameters)
            )
            return both
        case ast.Call(func=ast.Name(id="column"), args=[ast.Name(id=name)]):
            return columns[name]
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return FUNCTIONS[name](_evaluate(argument, columns, parameters))
    raise AssertionError(node)


_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
