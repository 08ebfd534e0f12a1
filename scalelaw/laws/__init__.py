"""Scaling laws, one to a file."""

from __future__ import annotations

import re

from scalelaw.errors import UsageError
from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Law, Param
from scalelaw.registry import Registry

LAWS: Registry[Law] = Registry("scalelaw.laws", "law")


def get_law(name: str | Law) -> Law:
    """A law by name; `name(x)` chooses the variable of a law that has one; a formula is a law of one's own.

    >>> get_law("power_constant(n_tokens)").inputs
    ('n_tokens',)
    >>> get_law("E + A / N^alpha").names
    ('E', 'A', 'alpha')
    """
    if isinstance(name, Law):
        return name
    match = re.fullmatch(r"(\w+)(?:\(([\w.]+)\))?", name.strip())
    if match is None:
        return FormulaLaw(name)
    law, variable = LAWS[match.group(1)], match.group(2)
    if variable is None:
        return law
    over = getattr(law, "over", None)
    if over is None:
        raise UsageError(f"The law {law.name} has fixed variables, {', '.join(law.inputs)}; found {name!r}.")
    chosen: Law = over(variable.strip())
    return chosen


__all__ = ["LAWS", "FormulaLaw", "Law", "Param", "get_law"]
