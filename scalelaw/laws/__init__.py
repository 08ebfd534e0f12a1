"""Scaling laws, one to a file."""

from __future__ import annotations

import re

from scalelaw.errors import UsageError
from scalelaw.laws.base import Law, Param
from scalelaw.registry import Registry

LAWS: Registry[Law] = Registry("scalelaw.laws", "law")


def get_law(name: str | Law) -> Law:
    """A law by name; `name(x)` chooses the variable of a law that has one.

    >>> get_law("power_constant(n_tokens)").inputs
    ('n_tokens',)
    """
    if isinstance(name, Law):
        return name
    match = re.fullmatch(r"(\w+)(?:\((.+)\))?", name.strip())
    law = LAWS[match.group(1) if match else name]
    variable = match.group(2) if match else None
    if variable is None:
        return law
    over = getattr(law, "over", None)
    if over is None:
        raise UsageError(f"The law {law.name} has fixed variables, {', '.join(law.inputs)}; found {name!r}.")
    chosen: Law = over(variable.strip())
    return chosen


__all__ = ["LAWS", "Law", "Param", "get_law"]
