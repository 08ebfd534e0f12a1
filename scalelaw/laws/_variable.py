"""Laws of one variable that the user chooses, such as `power_law(n_tokens)`."""

from __future__ import annotations

from typing import Self

from scalelaw.errors import UsageError
from scalelaw.laws._expression import COLUMNS


class OfOneVariable:
    """The label `name(x)` and the choice of x, for a law whose constructor takes x."""

    name: str
    inputs: tuple[str, ...]

    def __init__(self, x: str) -> None:
        raise NotImplementedError

    @property
    def label(self) -> str:
        """`name(x)`."""
        return f"{self.name}({self.inputs[0]})"

    def over(self, x: str) -> Self:
        """The same law of another variable: N, D, C or any column of numbers."""
        return type(self)(x)


def reading(x: str) -> str:
    """How a formula reads the column x.

    >>> reading("n_tokens"), reading("epochs")
    ('n_tokens', 'column(epochs)')
    """
    if not x.isidentifier():
        raise UsageError(f"{x!r} cannot be the variable of a law. Next: rename the column to letters, digits and _.")
    return x if x in COLUMNS else f"column({x})"
