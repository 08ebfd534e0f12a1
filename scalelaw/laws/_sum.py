"""Laws composed of pieces: `Constant("E") + Power("n_params", "A", "alpha") + Power("n_tokens", "B", "beta")`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalelaw.laws._expression import Expression, parse
from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._optimum import two_power_optimum
from scalelaw.laws._power_sum import Power as PowerOfSum
from scalelaw.laws._power_sum import PowerSum
from scalelaw.laws._variable import reading
from scalelaw.laws.base import Floats

SOURCE = "composed by the user"


class Piece:
    """A term of a law; terms add up to a law, and a law so made takes further terms."""

    @property
    def text(self) -> str:
        """The term as a formula."""
        raise NotImplementedError

    def __add__(self, other: Piece) -> PowersLaw | PiecesLaw:
        return compose((self, other))


@dataclass(frozen=True)
class Constant(Piece):
    """A constant term, such as the irreducible loss E."""

    name: str

    @property
    def text(self) -> str:
        """Its name."""
        return self.name


@dataclass(frozen=True)
class Power(Piece):
    """coefficient / x^exponent, with x a column: `Power("n_params", "A", "alpha")`."""

    x: str
    coefficient: str
    exponent: str

    @property
    def text(self) -> str:
        """`A / n_params^alpha`."""
        return f"{self.coefficient} / {reading(self.x)}^{self.exponent}"


@dataclass(frozen=True)
class Term(Piece):
    """Any formula as a term: `Term("k * log(C)")`."""

    formula: str

    @property
    def text(self) -> str:
        """The formula in parentheses."""
        return f"({self.formula})"


def compose(pieces: Sequence[Piece]) -> PowersLaw | PiecesLaw:
    """The law that the pieces add up to.

    A constant and powers of different columns are a sum of powers, as fast and as well conditioned as Chinchilla's law;
    any other sum is the formula it spells. Pieces that name the same parameter share it.

    >>> (Constant("E") + Power("n_params", "A", "alpha")).label
    'sum(E + A / n_params^alpha)'
    >>> (Constant("E") + Power("n_params", "A", "g") + Power("n_tokens", "B", "g")).names
    ('E', 'A', 'g', 'B')
    """
    constants = [piece for piece in pieces if isinstance(piece, Constant)]
    powers = [piece for piece in pieces if isinstance(piece, Power)]
    names = [piece.name for piece in constants]
    names += [name for piece in powers for name in (piece.coefficient, piece.exponent)]
    columns = [piece.x for piece in powers]
    fast = len(constants) == 1 and powers and len(constants) + len(powers) == len(pieces)
    if fast and len(set(names)) == len(names) and len(set(columns)) == len(columns):
        return PowersLaw(tuple(pieces), constants[0], powers)
    return PiecesLaw(tuple(pieces))


def read_sum(text: str) -> PowersLaw | PiecesLaw:
    """The law from the formula of its label, `E + A / n_params^alpha`."""
    expression = parse(text)
    pieces: list[Piece] = []
    node = expression.tree
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        pieces.append(_piece(node.right, expression))
        node = node.left
    pieces.append(_piece(node, expression))
    return compose(pieces[::-1])


def _piece(node: ast.expr, expression: Expression) -> Piece:
    match node:
        case ast.Name(id=name) if name in expression.parameters:
            return Constant(name)
        case ast.BinOp(ast.Name(id=coefficient), ast.Div(), ast.BinOp(base, ast.Pow(), ast.Name(id=exponent))):
            x = expression.input_of(base)
            if x is not None and {coefficient, exponent} <= set(expression.parameters):
                return Power(x, coefficient, exponent)
    return Term(ast.unparse(node).replace("**", "^"))


class PowersLaw(PowerSum):
    """L = E + sum_k A_k x_k^-alpha_k, from its pieces."""

    def __init__(self, pieces: tuple[Piece, ...], constant: Constant, powers: Sequence[Power]) -> None:
        text = " + ".join(piece.text for piece in pieces)
        terms = tuple(PowerOfSum(power.x, power.coefficient, power.exponent) for power in powers)
        super().__init__("sum", f"L = {text}", SOURCE, terms)
        self.pieces, self.text = pieces, text
        self.params = (replace(self.params[0], name=constant.name), *self.params[1:])

    @property
    def label(self) -> str:
        """`sum(E + A / n_params^alpha)`."""
        return f"sum({self.text})"

    def __add__(self, other: Piece) -> PowersLaw | PiecesLaw:
        return compose((*self.pieces, other))

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """The closed form of Hoffmann et al. 2022, eq. 4, for a sum of one power of N and one of D."""
        if sorted(self.inputs) != ["n_params", "n_tokens"]:
            return super().optimum(natural, flops)
        n, d = self.inputs.index("n_params"), self.inputs.index("n_tokens")
        coefficients, exponents = natural[:, 1::2], natural[:, 2::2]
        return two_power_optimum(coefficients[:, n], exponents[:, n], coefficients[:, d], exponents[:, d], flops)


class PiecesLaw(FormulaLaw):
    """Any other sum of pieces: the formula they spell."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        super().__init__(" + ".join(piece.text for piece in pieces), source=SOURCE)
        self.pieces = pieces

    def __add__(self, other: Piece) -> PowersLaw | PiecesLaw:
        return compose((*self.pieces, other))
